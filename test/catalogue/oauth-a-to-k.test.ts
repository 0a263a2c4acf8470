import { describeOauth } from './describe-oauth.js';

await describeOauth({ to: 'l' });

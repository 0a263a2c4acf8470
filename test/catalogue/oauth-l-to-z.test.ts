import { describeOauth } from './describe-oauth.js';

await describeOauth({ from: 'l' });

import { runDemoProvider } from '../dist/demo/main.js';

await runDemoProvider({ argument: process.argv[2] ?? '', environment: process.env.NEXUS_ENV });

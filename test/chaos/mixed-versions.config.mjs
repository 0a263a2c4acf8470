import suite from '../../vitest.config.ts';

/** The suite's own configuration, for the one trial that is no part of the suite. */
export default { ...suite, test: { ...suite.test, include: ['test/chaos/mixed-versions.trial.ts'] } };

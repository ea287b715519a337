import { defineConfig } from 'vitest/config'

/** What takes too long for `npm test`, or wants the registry: one file after the other, as each is busy enough. */
export default defineConfig({
  test: {
    include: ['test/deploy/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 300_000,
    fileParallelism: false,
    // As many as a small machine has processors.
    maxConcurrency: 2,
  },
})

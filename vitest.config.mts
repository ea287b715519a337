import { configDefaults, defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Those have a run of their own: vitest.deploy.config.mts.
    exclude: [...configDefaults.exclude, 'test/deploy/**'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    // No table: what is not covered fails the run, and is then named.
    coverage: { include: ['src/pool/**', 'src/lambda/**'], reporter: ['html'], thresholds: { 100: true } },
  },
})

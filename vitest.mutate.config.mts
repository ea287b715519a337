import { defineConfig } from 'vitest/config'

/** What `npm run mutate` runs: the quick tests that cover all of src/pool and src/lambda, and need neither a server nor a process. */
export default defineConfig({
  test: {
    include: ['test/unit/{pool,lambda}/**/*.test.ts'],
    setupFiles: ['scripts/mutation-setup.ts'],
    // None takes a tenth of that: who waits for longer waits for what a mutant has taken away.
    testTimeout: 4000,
  },
})

import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Quick ones first: most mutants are found out by them, and the first test that fails is the last to run. */
class QuickFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isSlow = ({ moduleId }: TestSpecification) => Number(moduleId.includes('/test/property/'))
    return files.sort((a, b) => isSlow(a) - isSlow(b) || a.moduleId.localeCompare(b.moduleId))
  }
}

/** What `npm run mutate` runs: all that covers src/pool and src/lambda and needs neither a server nor a process of its own. */
export default defineConfig({
  test: {
    include: [
      'test/unit/{pool,lambda}/**/*.test.ts',
      'test/property/{random-actions,interleavings,gate-matrix,arrival-order}.test.ts',
    ],
    setupFiles: ['scripts/mutation-setup.ts'],
    sequence: { sequencer: QuickFirst },
    testTimeout: 20_000,
  },
})

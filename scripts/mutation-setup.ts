import fc from 'fast-check'
import { vi } from 'vitest'

// A mutant that was found out is not to be explained as well.
fc.configureGlobal({ endOnFailure: true })

// Tests of mutants run in worker threads, and signals are heard on the main one.
vi.mock('node:worker_threads', async (original) => ({ ...(await original<object>()), isMainThread: true }))

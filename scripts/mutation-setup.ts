import { vi } from 'vitest'

// Tests of mutants run in worker threads, and signals are heard on the main one.
vi.mock('node:worker_threads', async (original) => ({ ...(await original<object>()), isMainThread: true }))

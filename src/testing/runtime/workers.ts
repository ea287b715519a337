import { Worker } from 'node:worker_threads'

/** What AWS's runtime starts for each vCPU; a local environment has one. */
const workersPerVcpu = 8

/** Starts the workers. One that ends is not replaced, and the others go on; the process ends with the last of them. */
export function startWorkers(program: string, args: readonly string[]): void {
  const count = Number(process.env.AWS_LAMBDA_NODEJS_WORKER_COUNT ?? workersPerVcpu)
  for (let index = 0; index < count; index++) {
    const worker = new Worker(program, { argv: [...args] })
    worker.on('error', (error) => process.stderr.write(`Worker ${index} error: ${error.stack ?? error}\n`))
  }
}

import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { startLocalService } from './service'

const USAGE = 'npm run local [-- --port 3000]'

/** The example service on this machine, until it is interrupted. */
async function main(port: number, signal: AbortSignal): Promise<void> {
  process.stdout.write('Starting PostgreSQL and the functions …\n')
  const service = await startLocalService({ port })
  try {
    if (port !== 0 && service.port !== port) {
      process.stdout.write(`Somebody else listens on port ${port}: it is ${service.port} instead\n`)
    }
    process.stdout.write(`${welcome(service.url)}\n`)
    if (!signal.aborted) await once(signal, 'abort')
  } finally {
    await service.close()
  }
}

function welcome(url: string): string {
  return `
  ${url}   shows environments and sessions, live

  curl ${url}/orders --json '{"customer":"Ada","lines":[{"product":"tea","quantity":2}]}'
  curl ${url}/orders/1
  curl ${url}/report
  curl ${url}/local/queue --data '{"id":"1"}'
  curl --request POST ${url}/local/schedule

  Ctrl-C ends it.
`
}

function readPort(): number {
  const { values } = parseArgs({ options: { port: { type: 'string', default: '3000' } } })
  const port = Number(values.port)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new TypeError(`Expected --port to be from 0 to 65535, got ${values.port}`)
  }
  return port
}

const interruption = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  // Not once: npm, tsx and the terminal may each pass on the same Ctrl-C. Ending takes a moment, and is bounded.
  process.on(name, () => interruption.abort())
}

/** One line for what somebody at the terminal did. */
function told(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') return `Somebody else listens on that port, and on those after it: ${USAGE}`
  if (error instanceof TypeError) return `${message}: ${USAGE}`
  return String(error instanceof Error ? error.stack : error)
}

Promise.resolve()
  .then(() => main(readPort(), interruption.signal))
  .catch((error: unknown) => {
    process.exitCode = 1
    process.stderr.write(`${told(error)}\n`)
  })

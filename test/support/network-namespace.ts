import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { promisify } from 'node:util'
import type { ServerNetwork } from '../../scripts/postgres-server'
import { describeUnless } from './requirements'

const run = promisify(execFile)

/**
 * A network namespace for a server, with as many links into it as there are machines to play: packets between the two sides are
 * real, and really lost while a link is pulled. It goes away with {@link Network.dispose}, or with this process.
 */
export interface Network {
  /** One more link. Its server's address is a way to the server that no other machine takes. */
  link(): Promise<Link>
  dispose(): Promise<void>
}

/** One machine's link to the server. */
export interface Link extends ServerNetwork {
  /** This side's address. */
  readonly client: string
  /** Pulls the link: what either side sends from here on is lost. Every connection stays as it is, on both sides. */
  pull(): Promise<void>
  plug(): Promise<void>
  /** Takes the server's end of each connection away. Its reset gets lost if the link is pulled. */
  abort(): Promise<void>
  /** Loses, for ever, what the connections that are open now send to the client: nothing answers them, nothing resets them. */
  forgetFlows(): Promise<void>
}

/**
 * What the namespace's own process does until its pipe is closed. Connections that wait for an answer which never comes would keep
 * the namespace for minutes.
 */
const live = "trap '' HUP INT TERM; ip link set lo up && echo up && read -r _; ss -K state all >&2"

/** Of the range that is reserved for measurements: no route of this machine leads there. */
const range = '198.18'

/** The tests of `describe`, where this machine has the right and the tools. */
export function describeWithNetworks(name: string, tests: () => void): void {
  describeUnless(whyNoNetworks(), name, tests)
}

function whyNoNetworks(): string | undefined {
  // All of it, in a namespace that ends with the attempt.
  const attempt = 'ip link add thaw0 type veth peer name thaw1 && command -v nsenter && ss -V'
  try {
    execFileSync('unshare', ['--net', 'sh', '-c', attempt], { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' })
    return undefined
  } catch (error) {
    return `network namespaces need root, iproute2 and util-linux: ${(error as Error).message.trim()}`
  }
}

/** Opens an empty network. */
export async function openNetwork(): Promise<Network> {
  // The namespace lives as long as this process holds the pipe to the one that was started in it.
  const holder = spawn('unshare', ['--net', 'sh', '-c', live], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  })
  await once(holder.stdout, 'data')
  const pid = holder.pid
  if (pid === undefined) throw new Error('bug: a process without a number')
  const net = await freeNet()
  const name = `thaw${randomBytes(3).toString('hex')}`
  let links = 0
  return {
    link: async () => {
      const at = 4 * links
      const device = `${name}-${links}`
      links += 1
      const link = { pid, device, client: `${net}.${at + 1}`, host: `${net}.${at + 2}` }
      await ip([
        `link add ${device} address ${hardwareAddress(link.client)} type veth peer name ${device} netns ${pid}`,
        `addr add ${link.client}/30 dev ${device}`,
        `link set ${device} up`,
      ])
      const known = `neigh add ${link.client} lladdr ${hardwareAddress(link.client)} nud permanent dev ${device}`
      // Else the kernel would ask for the address of a pulled link, and keep what it has to send until the answer comes.
      await ip([`addr add ${link.host}/30 dev ${device}`, `link set ${device} up`, known], pid)
      return new VethLink(link)
    },
    dispose: () => end(holder),
  }
}

class VethLink implements Link {
  readonly pid: number
  readonly host: string
  readonly client: string
  readonly #device: string

  constructor({ pid, host, client, device }: { pid: number; host: string; client: string; device: string }) {
    this.pid = pid
    this.host = host
    this.client = client
    this.#device = device
  }

  pull(): Promise<void> {
    return ip([`link set ${this.#device} down`])
  }

  plug(): Promise<void> {
    return ip([`link set ${this.#device} up`])
  }

  async abort(): Promise<void> {
    await run('nsenter', [...this.#inside, 'ss', '-K', 'state', 'all', 'dst', this.client])
  }

  async forgetFlows(): Promise<void> {
    const { stdout } = await run('nsenter', [...this.#inside, 'ss', '-Htn', 'dst', this.client])
    const ports = stdout.matchAll(new RegExp(`${this.client.replaceAll('.', '\\.')}:(\\d+)`, 'g'))
    await ip(
      [...ports].map(([, port]) => `rule add pref 1 to ${this.client} ipproto tcp dport ${port} blackhole`),
      this.pid,
    )
  }

  get #inside(): string[] {
    return ['--target', String(this.pid), '--net']
  }
}

async function ip(commands: readonly string[], inside?: number): Promise<void> {
  const enter = inside === undefined ? [] : ['nsenter', '--target', String(inside), '--net']
  const [file = '', ...args] = [...enter, 'ip', '-batch', '-']
  const running = run(file, args)
  running.child.stdin?.end(commands.map((command) => `${command}\n`).join(''))
  await running
}

/** A made-up one, different for each IP address. */
function hardwareAddress(address: string): string {
  const bytes = address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'))
  return ['02', '00', ...bytes].join(':')
}

async function freeNet(): Promise<string> {
  const { stdout } = await run('ip', ['-o', '-4', 'addr'])
  for (;;) {
    const net = `${range}.${randomInt(256)}`
    if (!stdout.includes(`${net}.`)) return net
  }
}

async function end(holder: ChildProcess): Promise<void> {
  if (holder.exitCode !== null || holder.signalCode !== null) return
  const exited = once(holder, 'exit')
  holder.stdin?.end()
  await exited
}

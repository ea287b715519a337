import { failure, json, type LocalAnswer, type LocalRequest } from '../page/answer.js'
import type { EnvironmentView, Fleet } from '../watch/fleet.js'
import type { SessionWatch } from '../watch/sessions.js'
import type { Beside } from './beside.js'
import { type Faults, plural } from './faults.js'

/** What can be controlled. */
export interface Controlled {
  readonly fleets: readonly Fleet[]
  readonly faults: Faults
  readonly sessions: SessionWatch
  readonly beside: Beside
}

/** What is below `/local` for any service: what can happen to an environment and to its connections. */
export async function control(request: LocalRequest, controlled: Controlled): Promise<LocalAnswer> {
  const { pathname } = new URL(request.url, 'http://localhost')
  const [, , subject, id = '', action] = pathname.split('/')
  const { fleets, faults, sessions, beside } = controlled
  switch (`${request.method} ${subject}${action === undefined ? '' : `/${action}`}`) {
    case 'DELETE environments':
      return toEnvironment(fleets, id, (fleet) => fleet.kill(id))
    case 'POST environments/retire':
      // As on Lambda, which ends no environment that runs.
      return toEnvironment(fleets, id, (fleet) => fleet.retire(id), 'frozen')
    case 'POST environments/end-session':
      return toEnvironment(fleets, id, async (fleet) => {
        const pid = fleet.pidOf(id)
        faults.tell('end-sessions', `${plural(await sessions.end(pid), 'session')} of ${pid} ended`)
      })
    case 'POST environments/lose-packets':
      return toEnvironment(fleets, id, async (fleet) => {
        faults.tell('lose-packets', `${plural(fleet.strike('deaf', id), 'connection')} of an environment forgotten`)
      })
    case 'POST faults':
      return inflict(faults, id)
    case 'POST beside':
      return whileItAnswers(async () => json(200, await beside.start()))
    case 'DELETE beside':
      return whileItAnswers(async () => json(200, await beside.stop()))
    default:
      return failure(404, 'Not Found')
  }
}

/** The database may be down, or all environments be busy. */
async function whileItAnswers(act: () => Promise<LocalAnswer>): Promise<LocalAnswer> {
  try {
    return await act()
  } catch (error) {
    return failure(503, `Not now: ${error instanceof Error && error.message !== '' ? error.message : String(error)}`)
  }
}

async function toEnvironment(
  fleets: readonly Fleet[],
  id: string,
  act: (fleet: Fleet) => Promise<unknown>,
  onlyIn?: EnvironmentView['state'],
): Promise<LocalAnswer> {
  const fleet = fleets.find((it) => it.has(id))
  if (fleet === undefined) return failure(404, `There is no environment ${id}`)
  const state = fleet.look().find((it) => it.id === id)?.state
  if (onlyIn !== undefined && state !== onlyIn) {
    return failure(409, `Expected an environment that is ${onlyIn}, got one that is ${state}`)
  }
  return whileItAnswers(async () => {
    await act(fleet)
    return json(200, { id })
  })
}

function inflict(faults: Faults, name: string): Promise<LocalAnswer> {
  return whileItAnswers(async () => {
    const shown = await faults.show(name)
    if (shown !== undefined) return json(200, shown)
    return failure(404, `Expected a fault of ${faults.views.map(({ fault }) => fault).join(', ')}`)
  })
}

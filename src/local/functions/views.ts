import type { ActionView, ServiceView } from '../page/service-view.js'
import type { Handler } from './handlers.js'

/** Two buttons for each function. */
export function actionsOf(handlers: readonly Handler[]): readonly ActionView[] {
  return handlers.flatMap(({ name }) => [
    { name: `Call ${name}`, isMain: true, method: 'POST', path: `/invoke/${name}` } as const,
    { name: `${name} 8 times at once`, method: 'POST', path: `/invoke/${name}?times=8` } as const,
  ])
}

export function commandsOf(handlers: readonly Handler[]): readonly string[] {
  return handlers.flatMap(({ name }) => [`curl $URL/invoke/${name}`, `curl $URL/invoke/${name} --json '{}'`])
}

export const hints: ServiceView['hints'] = [
  ['Call', 'A call runs in an environment that is idle, or in a new one. As soon as nothing runs in it, it is frozen.'],
  ['8 times at once', 'Each call that comes while all environments are busy starts another, up to --concurrency.'],
  [
    'Retire',
    'What Lambda does with idle ones: told so where the function imports pg-thaw/goodbye, else without a word.',
  ],
  ['Kill', 'What a failing host does. Nobody tells the database, which holds the session until its lease has run out.'],
  [
    'Faults',
    'They meet the sessions and connections of these functions alone. What would harm the database is not done here: no restart, no other password, nobody else’s session.',
  ],
]

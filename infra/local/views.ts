import type { ActionView, ServiceView } from '../../src/local/page/service-view'

const ORDER = '{"customer":"Ada","lines":[{"product":"tea","quantity":2},{"product":"cake","quantity":1}]}'

const actions: readonly ActionView[] = [
  { name: 'Place an order', isMain: true, method: 'POST', path: '/orders', body: ORDER },
  { name: '8 orders at once', isMain: true, method: 'POST', path: '/local/burst?orders=8' },
  { name: 'Report', method: 'GET', path: '/report' },
  {
    name: 'Fulfil the last orders',
    title: 'Sends a message for each of the last orders',
    method: 'POST',
    path: '/local/fulfil',
  },
  {
    name: 'Send a bad message',
    title: 'A message that names no order',
    method: 'POST',
    path: '/local/queue',
    body: 'no order at all',
  },
  { name: 'Daily report', method: 'POST', path: '/local/schedule' },
]

/** What the page says of the example service. */
export const example: Pick<ServiceView, 'about' | 'actions' | 'hints' | 'commands'> = {
  about: 'The orders service on this machine: real processes that freeze, at a real PostgreSQL.',
  actions,
  hints: [
    [
      '8 orders at once',
      'Each call that comes while all environments are busy starts another. A cold one keeps no connection: it may never be called again.',
    ],
    [
      'Once more',
      'Environments that were called again keep one session through the freeze, and the next call finds it open.',
    ],
    [
      'Retire',
      'What Lambda does with idle ones. The environment hears of it and says goodbye: its session is gone at once.',
    ],
    [
      'Kill',
      'What a failing host does. Nobody tells the database, which holds the session until its lease has run out.',
    ],
  ],
  commands: [
    `curl $URL/orders --json '{"customer":"Ada","lines":[{"product":"tea","quantity":2}]}'`,
    'curl $URL/orders/1',
    'curl $URL/report',
    `curl $URL/local/queue --data '{"id":"1"}'`,
    'curl --request POST $URL/local/schedule',
  ],
}

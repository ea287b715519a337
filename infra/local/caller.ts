import { besides, type Caller } from '../../src/local/act/strikes'
import type { Fleet } from '../../src/local/watch/fleet'
import type { Gateway } from './gateway'

const ORDER = Buffer.from('{"customer":"Ada","lines":[{"product":"tea","quantity":1}]}')

/** Somebody who places an order. */
export function customer(gateway: Gateway, orders: Fleet): Caller {
  const placeOrder = async () => {
    const began = performance.now()
    const headers = { 'content-type': 'application/json' }
    const { statusCode } = await gateway.call({ method: 'POST', url: '/orders', headers, body: ORDER })
    return { statusCode, millis: Math.round(performance.now() - began), beside: await besides(orders) }
  }
  return {
    async warm() {
      const isWarm = orders.look().some(({ state, invocations }) => state === 'frozen' && invocations > 1)
      if (isWarm) return
      for (let time = 0; time < 2; time++) await placeOrder()
    },
    async next() {
      const { statusCode, millis, beside } = await placeOrder()
      return { next: `the next order: ${statusCode} in ${millis} ms${beside}`, isWell: statusCode === 201 }
    },
  }
}

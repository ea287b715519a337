import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isOfSession } from '../../src/postgres/connection/session/fault'
import { classifyDialFailure } from '../../src/postgres/connection/session/sqlstate'
import { endsSession, isConflict, isRefusedBySession, neverRan, tellRetry } from '../../src/postgres/query/retry'
import { fuzz } from './support/fuzz'

const RUNS = fuzz(2000)

/** PostgreSQL's appendix A, "Class …": all that a server can report. */
const CLASSES = [
  ...['00', '01', '02', '03', '08', '09', '0A', '0B', '0F', '0L', '0P', '0Z', '10', '20', '21', '22', '23', '24', '25'],
  ...['26', '27', '28', '2B', '2D', '2F', '34', '38', '39', '3B', '3D', '3F', '40', '42', '44', '53', '54', '55', '57'],
  ...['58', '72', 'F0', 'HV', 'P0', 'XX'],
]
/** Codes that decisions rest on, and others of their classes. */
const NAMED = ['25006', '25P03', '25P04', '40001', '40P01', '53300', '57014', '57P01', '57P02', '57P03', '57P05']

/** After these nothing of the statement can have happened: it was rolled back whole, or never looked at. */
const UNDONE = ['25P03', '40001', '40P01', '53300', '57P03', '57P05']

const letters = (length: number) =>
  fc.string({
    minLength: length,
    maxLength: length,
    unit: fc.constantFrom(...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'),
  })
const sqlstate = fc.oneof(
  fc.constantFrom(...NAMED),
  fc.tuple(fc.constantFrom(...CLASSES), letters(3)).map((it) => it.join('')),
  letters(5),
)
const code = fc.oneof(sqlstate, fc.string({ maxLength: 8 }), fc.constantFrom('ECONNRESET', 'EPIPE', 'ERR_TLS', ''))

class Lying extends Error {
  get code(): never {
    throw new Error('no code today')
  }
}

/** What can be thrown, by whomever. */
const thrown: fc.Arbitrary<unknown> = fc.oneof(
  fc.tuple(code, fc.string()).map(([code, text]) => Object.assign(new Error(text), { code })),
  code.map((code) => Object.freeze(Object.assign(new Error('frozen'), { code }))),
  fc.array(code).map((codes) => new AggregateError(codes.map((code) => Object.assign(new Error(), { code })))),
  fc.anything().map((code) => Object.assign(new Error('odd'), { code })),
  fc.anything(),
  fc.constant(new Lying()),
)

/** The mark that an error gets. */
function markOf(error: unknown, wasLost: boolean): unknown {
  tellRetry(error, wasLost)
  return error instanceof Error ? (error as { retry?: unknown }).retry : undefined
}

function errorWith(code: unknown, text = 'any text'): Error {
  return Object.assign(new Error(text), { code })
}

describe('whatever code an error has', () => {
  test('a session is at fault unless it was reported as that of a statement, by its class', () => {
    const property = fc.property(fc.oneof(code, fc.constant(undefined)), letters(3), (code, others) => {
      const isAtFault = isOfSession(code)
      if (code === undefined) expect(isAtFault).toBe(false)
      else if (['25006', '57014'].includes(code)) expect(isAtFault).toBe(code === '25006')
      else if (/^(0A|08|26|28|53|57|58|F0|HV|XX)/.test(code) && !code.startsWith('57014')) expect(isAtFault).toBe(true)
      else if (/^(2[1-5]|40|42|44|54|55|P0)/.test(code) && !code.startsWith('25006')) expect(isAtFault).toBe(false)
      else if (code.length === 5) expect(isOfSession(code.slice(0, 2) + others)).toBe(isAtFault)
    })
    fc.assert(property, RUNS)
  })

  test('a failed dial is judged by it alone, and never tried again for what waiting can not mend', () => {
    const property = fc.property(code, fc.string(), (code, text) => {
      const kind = classifyDialFailure(errorWith(code))
      expect(classifyDialFailure(errorWith(code, text))).toBe(kind)
      expect(classifyDialFailure(new AggregateError([new Error(text), errorWith(code)]))).toBe(
        code === '' ? 'permanent' : kind,
      )
      if (/^(28|3D|42|22|0A)[0-9A-Z]{3}$/.test(code)) expect(kind).toBe('permanent')
      else if (code === '53300') expect(kind).toBe('crowded')
      else if (/^(08|53|57|58|XX)[0-9A-Z]{3}$/.test(code)) expect(kind).toBe('transient')
      else if (code.length < 3) expect(kind).toBe('permanent')
      if (kind === 'crowded') expect(code).toBe('53300')
      if (kind === 'absent') expect(code).toBe('ECONNREFUSED')
    })
    fc.assert(property, RUNS)
  })

  test('trying again is called safe only where nothing of the statement can have happened', () => {
    const property = fc.property(code, fc.boolean(), (code, wasLost) => {
      const retry = markOf(errorWith(code), wasLost)
      if (UNDONE.includes(code)) expect(retry).toBe('safe')
      else if (wasLost || ['25P04', '57P01', '57P02'].includes(code)) expect(retry).toBe('unknown')
      else expect(retry).toBe('never')
    })
    fc.assert(property, RUNS)
  })

  test('what runs again by itself is nothing that may have run', () => {
    const property = fc.property(code, fc.boolean(), (code, wasLost) => {
      const error = errorWith(code)
      if (neverRan(error) || isConflict(error)) expect(markOf(error, wasLost)).toBe('safe')
      // By another session: the server refused it, and has not ended this one over it.
      if (isRefusedBySession(error)) {
        expect(isOfSession(code)).toBe(true)
        expect(endsSession(error)).toBe(false)
      }
    })
    fc.assert(property, RUNS)
  })
})

describe('whatever is thrown', () => {
  test('each judgement is made', () => {
    const property = fc.property(thrown, (error) => {
      expect(['permanent', 'transient', 'crowded', 'absent']).toContain(classifyDialFailure(error))
      for (const judge of [endsSession, neverRan, isRefusedBySession, isConflict]) {
        expect(judge(error)).toBeTypeOf('boolean')
      }
    })
    fc.assert(property, RUNS)
  })

  test('an error gets a mark once, and nothing else is touched', () => {
    const property = fc.property(thrown, fc.boolean(), (error, wasLost) => {
      const isMarkable = error instanceof Error && Object.isExtensible(error)
      const first = markOf(error, wasLost)
      if (isMarkable) expect(['safe', 'unknown', 'never']).toContain(first)
      expect(markOf(error, !wasLost)).toBe(first)
    })
    fc.assert(property, RUNS)
  })

  test('what has no code is permanent, and never safe to try again', () => {
    const codeless = fc.anything().filter((code) => typeof code !== 'string')
    const property = fc.property(codeless, fc.boolean(), (code, wasLost) => {
      expect(classifyDialFailure(errorWith(code))).toBe('permanent')
      expect(markOf(errorWith(code), wasLost)).toBe(wasLost ? 'unknown' : 'never')
    })
    fc.assert(property, RUNS)
  })
})

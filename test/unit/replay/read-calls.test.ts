import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { readCalls } from '../../../src/replay/read-calls'

const read = (text: string) => readCalls(Readable.from([text]))

const NOON = Date.UTC(2026, 10, 27, 12)

describe('a record of calls', () => {
  it('has a time and a duration in each row', async () => {
    const { functions, calls, passedOver } = await read(
      'timestamp,duration\n2026-11-27T12:00:00Z,12.5\n2026-11-27T13:00:01+01:00,7\n',
    )
    expect([calls, passedOver]).toEqual([2, 0])
    expect(functions.get('')).toEqual([
      { at: NOON, millis: 12.5 },
      { at: NOON + 1000, millis: 7 },
    ])
  })

  it.each([
    ['ms since 1970', `${NOON}`],
    ['s since 1970', `${NOON / 1000}`],
    ['a moment without a zone, which is UTC', '2026-11-27 12:00:00.000'],
    ['the same with a T', '2026-11-27T12:00'],
  ])('may say its time as %s', async (_how, text) => {
    const { functions } = await read(`"Start Time",Duration (ms)\n"${text}",1\n`)
    expect(functions.get('')).toEqual([{ at: NOON, millis: 1 }])
  })

  it('may be of several functions, and in any order', async () => {
    const { functions } = await read('function,time,ms\nb,2000,1\na,3000,1\na,1000,1\n')
    expect([...functions.keys()].sort()).toEqual(['a', 'b'])
    expect(functions.get('a')?.map(({ at }) => at)).toEqual([1_000_000, 3_000_000])
  })

  it("may be Logs Insights' export, whose times are those of the ends", async () => {
    const report = 'REPORT RequestId: 8d9c\tDuration: 250.00 ms\tBilled Duration: 251 ms\tMemory Size: 128 MB\t'
    const { functions, passedOver } = await read(
      `@timestamp,@message,@log\n2026-11-27 12:00:01.000,"${report}",1:/aws/lambda/orders\n2026-11-27 12:00:01.000,"START ""x""",1:/aws/lambda/orders\n`,
    )
    expect(functions.get('1:/aws/lambda/orders')).toEqual([{ at: NOON + 750, millis: 250 }])
    expect(passedOver).toBe(1)
  })

  it('or the same with the discovered @duration, which lines that are no reports lack', async () => {
    const { functions, passedOver } = await read(
      '@timestamp,@duration\n2026-11-27 12:00:01.000,250\n2026-11-27 12:00:01.000,\n',
    )
    expect(functions.get('')).toEqual([{ at: NOON + 750, millis: 250 }])
    expect(passedOver).toBe(1)
  })

  it('or of functions that log JSON', async () => {
    const report = (millis: number) =>
      `{""time"":""2026-11-27T12:00:01.000Z"",""type"":""platform.report"",""record"":{""metrics"":{""durationMs"":${millis},""billedDurationMs"":251}}}`
    const { functions, passedOver } = await read(
      `@timestamp,@message\n2026-11-27 12:00:01.000,"${report(250)}"\n2026-11-27 12:00:02.000,"{""type"":""platform.start""}"\n`,
    )
    expect(functions.get('')).toEqual([{ at: NOON + 750, millis: 250 }])
    expect(passedOver).toBe(1)
  })

  it.each([
    ['a byte order mark and CRLF', '\ufefftimestamp,duration\r\n2026-11-27T12:00:00Z,12.5\r\n'],
    ['semicolons', 'timestamp;duration\n2026-11-27T12:00:00Z;12.5\n'],
    ['tabs', 'timestamp\tduration\n2026-11-27T12:00:00Z\t12.5\n'],
  ])('may have %s, as spreadsheets write it', async (_what, text) => {
    const { functions } = await readCalls(Readable.from([Buffer.from(text)]))
    expect(functions.get('')).toEqual([{ at: NOON, millis: 12.5 }])
  })

  it('is read as fast as it comes: a hundred thousand rows', async () => {
    function* lines() {
      yield 'timestamp,duration\n'
      for (let row = 0; row < 100_000; row += 1) yield `${NOON + row},1\n`
    }
    const { calls } = await readCalls(Readable.from(lines()))
    expect(calls).toBe(100_000)
  })
})

describe('what is no record of calls', () => {
  it.each([
    ['no time', 'when,duration\n1,2\n', 'Expected a column `timestamp` in the first row, got `when`, `duration`'],
    [
      'no duration',
      'timestamp,took\n1,2\n',
      'Expected a column `duration`, in ms, in the first row, got `timestamp`, `took`',
    ],
    ['no rows', 'timestamp,duration\n', 'Expected at least one call, got the names of columns and no row'],
    ['nothing', '', 'Expected at least one call, got nothing'],
    ['rows of a log alone', '@timestamp,@message\n1,START\n', 'Expected at least one call, got 1 row that is none'],
    ['bytes', '\u007fELF\u0002\u0001\u0000\u0000\n', 'Expected a column `timestamp` in the first row, got …'],
    [
      'a time that is none',
      'timestamp,duration\n1,2\nsoon,2\n',
      "Expected the time in row 3 to be ISO 8601, or s or ms since 1970, got 'soon'",
    ],
    [
      'an empty time',
      'timestamp,duration\n,2\n',
      "Expected the time in row 2 to be ISO 8601, or s or ms since 1970, got ''",
    ],
    [
      "a decimal comma, which is no column's end among semicolons",
      'timestamp;duration\n1;12,5\n',
      "Expected the duration in row 2 to be a number of ms, 0 or more, got '12,5'",
    ],
    [
      'a negative duration',
      'timestamp,duration\n1,-2\n',
      "Expected the duration in row 2 to be a number of ms, 0 or more, got '-2'",
    ],
    [
      'a missing duration',
      'timestamp,duration\n1,\n',
      "Expected the duration in row 2 to be a number of ms, 0 or more, got ''",
    ],
    [
      'a quote that is never closed',
      'timestamp,duration\n"1,2\n',
      'Expected CSV, got something else (CSV_QUOTE_NOT_CLOSED)',
    ],
    [
      'a quote in the middle',
      'timestamp,duration\n1,1"2\n',
      'Expected CSV, got something else (INVALID_OPENING_QUOTE)',
    ],
    [
      'times in ns',
      'timestamp,duration\n1767225600000000000,2\n',
      "Expected the time in row 2 to be ISO 8601, or s or ms since 1970, got '1767225600000000000'",
    ],
  ])('has %s, and is refused', async (_what, text, message) => {
    const error = await read(text).catch((error: unknown) => error)
    expect(error).toMatchObject({ name: 'CallsError', code: 'REPLAY_CALLS' })
    expect((error as Error).message.startsWith(message)).toBe(true)
  })

  it('is a file that cannot be read to its end', async () => {
    const cut = new Readable({
      read() {
        this.destroy(new Error('gone'))
      },
    })
    await expect(readCalls(cut)).rejects.toThrow('gone')
  })
})

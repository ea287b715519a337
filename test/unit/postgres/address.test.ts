import { describe, expect, it } from 'vitest'
import { addressIn } from '../../../src/postgres/connection/opening/address'
import { useEnvironmentVariables } from '../../support/environment-variables'

const stringWith = (parameters: string) => ({ connectionString: `postgres://me:hush@db/orders?${parameters}` })
const known = "one of 'disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'"

describe('an address', () => {
  const set = useEnvironmentVariables()

  it.each(['bogus', 'verify_full', 'true'])('is refused with sslmode=%s in its connection string', (mode) => {
    const refusal = {
      code: 'POOL_OPTION_INVALID',
      message: `Expected \`sslmode\` to be ${known}, got '${mode}' (string)`,
    }
    for (const options of [stringWith(`sslmode=${mode}`), { ...stringWith(`a=b&sslmode=${mode}`), ssl: true }]) {
      expect(() => addressIn(options)).toThrow(expect.objectContaining(refusal))
    }
  })

  it('is refused with another PGSSLMODE, where that is asked', () => {
    set({ PGSSLMODE: 'bogus' })
    const refusal = {
      code: 'POOL_OPTION_INVALID',
      message: `Expected \`PGSSLMODE\` to be ${known}, got 'bogus' (string)`,
    }
    for (const options of [{ host: 'db' }, stringWith('sslmode=')]) {
      expect(() => addressIn(options)).toThrow(expect.objectContaining(refusal))
    }
    for (const options of [{ ssl: false }, stringWith('ssl=0'), stringWith('sslmode=disable')]) {
      expect(addressIn(options).tls).toBeUndefined()
    }
  })

  it.each(['disable', 'allow', 'prefer', 'require', 'no-verify', ''])('leaves sslmode=%s to pg', (mode) => {
    set({ PGSSLMODE: undefined })
    expect(addressIn(stringWith(`sslmode=${mode}`)).tls).toBeUndefined()
  })
})

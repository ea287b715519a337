import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'

/** A certificate and its private key, both as PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** A certificate authority that exists for one test. */
export interface CertificateAuthority {
  /** Its own certificate, as PEM: what clients trust. */
  readonly cert: string
  /** A server's certificate for these host names and addresses. */
  issue(...names: readonly string[]): Certificate
}

/** Makes a certificate authority. Node.js reads certificates but makes none, so these are put together by hand. */
export function certificateAuthority(
  commonName = `pg-thaw test CA ${randomBytes(4).toString('hex')}`,
): CertificateAuthority {
  const issuer = { name: distinguishedName(commonName), keys: generateKeyPairSync('ec', { namedCurve: 'P-256' }) }
  const own = [
    extension(OID.basicConstraints, sequence(der(TAG.boolean, [0xff]))),
    extension(OID.keyUsage, der(TAG.bitString, [1, 0b0000_0110])),
  ]
  return {
    cert: certificate(issuer, issuer.name, issuer.keys.publicKey, own),
    issue(...names) {
      const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const subject = distinguishedName(names[0] ?? 'nobody')
      const extensions = [extension(OID.subjectAltName, sequence(...names.map(generalName)))]
      const key = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
      return { cert: certificate(issuer, subject, keys.publicKey, extensions), key }
    },
  }
}

interface Issuer {
  readonly name: Buffer
  readonly keys: { readonly privateKey: KeyObject }
}

const TAG = { boolean: 0x01, integer: 0x02, bitString: 0x03, octetString: 0x04, oid: 0x06, utf8: 0x0c, time: 0x17 }
const SEQUENCE = 0x30
const SET = 0x31

const OID = {
  commonName: [0x55, 0x04, 0x03],
  basicConstraints: [0x55, 0x1d, 0x13],
  keyUsage: [0x55, 0x1d, 0x0f],
  subjectAltName: [0x55, 0x1d, 0x11],
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
}

const DAY_MILLIS = 86_400_000

function certificate(issuer: Issuer, subject: Buffer, publicKey: KeyObject, extensions: readonly Buffer[]): string {
  const algorithm = sequence(der(TAG.oid, OID.ecdsaWithSha256))
  const content = sequence(
    // Version 3, which is what has extensions.
    der(0xa0, der(TAG.integer, [2])),
    der(TAG.integer, [0x01, ...randomBytes(8)]),
    algorithm,
    issuer.name,
    sequence(utcTime(Date.now() - DAY_MILLIS), utcTime(Date.now() + 30 * DAY_MILLIS)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  )
  const signature = sign('sha256', content, issuer.keys.privateKey)
  const whole = sequence(content, algorithm, der(TAG.bitString, [0, ...signature]))
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

function distinguishedName(commonName: string): Buffer {
  const attribute = sequence(der(TAG.oid, OID.commonName), der(TAG.utf8, Buffer.from(commonName)))
  return sequence(der(SET, attribute))
}

function extension(oid: readonly number[], value: Buffer): Buffer {
  return sequence(der(TAG.oid, oid), der(TAG.octetString, value))
}

function generalName(name: string): Buffer {
  return isIP(name) === 4 ? der(0x87, name.split('.').map(Number)) : der(0x82, Buffer.from(name))
}

function utcTime(millis: number): Buffer {
  const digits = new Date(millis).toISOString().replace(/\D/g, '')
  return der(TAG.time, Buffer.from(`${digits.slice(2, 14)}Z`))
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(SEQUENCE, Buffer.concat(parts))
}

/** Tag, length, content: the whole of DER. */
function der(tag: number, content: readonly number[] | Buffer): Buffer {
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), Buffer.from(content)])
}

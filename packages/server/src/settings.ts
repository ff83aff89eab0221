/**
 * Reads all settings of the process, from the environment and from flags of the same names (`KABUTAR_HTTP` is `--http`).
 * Nothing else reads them. A flag overrides the environment, and the last of two equal flags counts.
 */
import { resolve } from 'node:path'
import { type Retention, retentionOf } from '@kabutar/core/accounts/retention.ts'
import { GB } from '@kabutar/core/accounts/storage.ts'
import { MAX_INBOUND_BYTES } from '@kabutar/core/receiving/accept.ts'
import { durationsOf } from '@kabutar/core/retry-schedules.ts'
import { defaultMemoryBytes } from '@kabutar/local/memory.ts'
import type { SmtpLimits } from '@kabutar/smtp/limits.ts'
import * as z from 'zod'
import { type CertificateFiles, loadCertificate } from './certificate.ts'
import { flagOf, SETTINGS } from './settings-help.ts'
import {
  type Address,
  addressOf,
  domainsOf,
  durationOf,
  integerOf,
  isLoopback,
  pemFileOf,
  type RelaySetting,
  relayOf,
  resolverOf,
  urlOf,
} from './settings-values.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export type Settings = {
  /** An absolute path. */
  readonly dataFolder: string
  readonly http: Address
  /** Undefined if the listener is off. */
  readonly smtp: Address | undefined
  /** Bounds of the SMTP listener. */
  readonly smtpLimits: SmtpLimitsSetting
  /** A certificate and the key that belongs to it. */
  readonly tls: CertificateFiles | undefined
  /** True if HTTP is served as HTTPS, with the certificate of `tls`. */
  readonly httpTls: boolean
  readonly relay: RelaySetting
  /** Header fields may tell a smart host to add recipients. */
  readonly relayHeaders: boolean
  readonly apiKey: string | undefined
  readonly domains: readonly string[]
  /** Has no slash at the end. Undefined means the address that HTTP is bound to. */
  readonly publicUrl: string | undefined
  /** Undefined for the system's resolver. */
  readonly dns: Address | undefined
  readonly sendRetriesMs: readonly number[]
  readonly webhookRetriesMs: readonly number[]
  readonly allowPrivate: boolean
  /** Open connections of the API; more are closed at once. */
  readonly httpConnections: number
  /** Uploads that an account may have at once. */
  readonly maxUploads: number
  /** Domains that an account may add in a day. */
  readonly domainsADay: number
  /** Bytes that an account may store; infinite if it is off. */
  readonly storageBytes: number
  /** How long mail is kept, of accounts that have no retention of their own. */
  readonly retention: Retention
  /** Bytes of memory that large requests and messages may hold together. */
  readonly memoryBytes: number
  readonly logLevel: LogLevel
  /** Settings that have no effect, one line each, to be logged at the start. */
  readonly notices: readonly string[]
}
type SmtpLimitsSetting = Pick<
  SmtpLimits,
  'connections' | 'connectionsPerNetwork' | 'connectionsPerAddress' | 'commandMs' | 'lineBytes' | 'messageBytes'
>

/** A wrong setting. `message` is one line that names it and contains no secret. */
export class SettingsError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'SettingsError'
  }
}

/** Parses a text with `read`, which throws an Error whose message follows the setting's name. */
const text = <T>(read: (value: string) => T) =>
  z.string().transform((value, context) => {
    try {
      return read(value)
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'is wrong' })
      return z.NEVER
    }
  })
const listener = text((value) => (value === 'off' ? undefined : addressOf(value)))
/** A listener that is planned. Ignoring its setting would leave clients without a server that the user asked for. */
const missingListener = z.literal('off', { error: 'this version has no such listener; set it to off or leave it out' })
const oneOf = <const T extends string>(words: readonly T[]) =>
  z.enum(words, { error: `must be one of ${words.join(', ')}` })

const MAX_CONNECTIONS = 100_000

const SCHEMA = z.object({
  KABUTAR_DATA: z.string().prefault(SETTINGS.KABUTAR_DATA.initial),
  KABUTAR_HTTP: text(addressOf).prefault(SETTINGS.KABUTAR_HTTP.initial),
  KABUTAR_SMTP: listener.prefault(SETTINGS.KABUTAR_SMTP.initial),
  KABUTAR_SMTP_MAX_CONNECTIONS: text(integerOf(1, MAX_CONNECTIONS)).prefault(
    SETTINGS.KABUTAR_SMTP_MAX_CONNECTIONS.initial,
  ),
  KABUTAR_SMTP_MAX_PER_NETWORK: text(integerOf(1, MAX_CONNECTIONS)).prefault(
    SETTINGS.KABUTAR_SMTP_MAX_PER_NETWORK.initial,
  ),
  KABUTAR_SMTP_MAX_PER_ADDRESS: text(integerOf(1, MAX_CONNECTIONS)).prefault(
    SETTINGS.KABUTAR_SMTP_MAX_PER_ADDRESS.initial,
  ),
  KABUTAR_SMTP_COMMAND_TIMEOUT: text(durationOf('1s', '1h')).prefault(SETTINGS.KABUTAR_SMTP_COMMAND_TIMEOUT.initial),
  KABUTAR_SMTP_MAX_LINE_BYTES: text(integerOf(1024, 65_536)).prefault(SETTINGS.KABUTAR_SMTP_MAX_LINE_BYTES.initial),
  KABUTAR_SMTP_MAX_MESSAGE_BYTES: text(integerOf(65_536, MAX_INBOUND_BYTES)).prefault(
    SETTINGS.KABUTAR_SMTP_MAX_MESSAGE_BYTES.initial,
  ),
  KABUTAR_SUBMISSION: missingListener.optional(),
  KABUTAR_IMAP: missingListener.optional(),
  KABUTAR_POP3: missingListener.optional(),
  KABUTAR_TLS_CERT: text(pemFileOf).optional(),
  KABUTAR_TLS_KEY: text(pemFileOf).optional(),
  KABUTAR_HTTP_TLS: oneOf(['on', 'off']).prefault(SETTINGS.KABUTAR_HTTP_TLS.initial),
  KABUTAR_RELAY: text(relayOf).prefault(SETTINGS.KABUTAR_RELAY.initial),
  KABUTAR_RELAY_HEADERS: oneOf(['on', 'off']).prefault(SETTINGS.KABUTAR_RELAY_HEADERS.initial),
  KABUTAR_API_KEY: z
    .string()
    .regex(/^re_[\x21-\x7e]{16,253}$/, 'must be re_ and 16 to 253 visible ASCII characters')
    .optional(),
  KABUTAR_DOMAINS: text(domainsOf).prefault(SETTINGS.KABUTAR_DOMAINS.initial),
  KABUTAR_PUBLIC_URL: text(urlOf).optional(),
  KABUTAR_DNS: text(resolverOf).prefault(SETTINGS.KABUTAR_DNS.initial),
  KABUTAR_SEND_RETRIES: text(durationsOf).prefault(SETTINGS.KABUTAR_SEND_RETRIES.initial),
  KABUTAR_WEBHOOK_RETRIES: text(durationsOf).prefault(SETTINGS.KABUTAR_WEBHOOK_RETRIES.initial),
  KABUTAR_ALLOW_PRIVATE: oneOf(['on', 'off']).optional(),
  KABUTAR_HTTP_CONNECTIONS: text(integerOf(10, 100_000)).prefault(SETTINGS.KABUTAR_HTTP_CONNECTIONS.initial),
  KABUTAR_MAX_UPLOADS: text(integerOf(1, 1_000_000)).prefault(SETTINGS.KABUTAR_MAX_UPLOADS.initial),
  KABUTAR_DOMAINS_A_DAY: text(integerOf(1, 1_000_000)).prefault(SETTINGS.KABUTAR_DOMAINS_A_DAY.initial),
  KABUTAR_STORAGE: text((value) =>
    value === 'off' ? Number.POSITIVE_INFINITY : GB * integerOf(1, 1_000_000)(value),
  ).prefault(SETTINGS.KABUTAR_STORAGE.initial),
  KABUTAR_RETENTION: text(retentionOf).prefault(SETTINGS.KABUTAR_RETENTION.initial),
  KABUTAR_MEMORY: text(integerOf(10, 999_999)).optional(),
  KABUTAR_LOG: oneOf(['debug', 'info', 'warn', 'error']).prefault(SETTINGS.KABUTAR_LOG.initial),
})
type Read = z.output<typeof SCHEMA>
type Name = keyof Read
const NAMES = Object.keys(SCHEMA.shape) as Name[]

type Env = Readonly<Record<string, string | undefined>>
/** Each value that was set, and how the user spelled the setting: as a variable or as a flag. */
type Given = ReadonlyMap<Name, { readonly value: string; readonly spelled: string }>

const oneLine = (words: string) => words.replace(/[^\x20-\x7e]/g, '?').slice(0, 80)

/**
 * Reads the settings. An empty variable counts as unset, because container files pass that for "nothing".
 * @throws {SettingsError} for the first wrong setting, or a flag that is unknown or has no value
 */
export function readSettings(env: Env = process.env, argv: readonly string[] = process.argv.slice(2)): Settings {
  const given: Given = new Map([...readEnv(env), ...readFlags(argv)])
  const read = SCHEMA.safeParse(Object.fromEntries([...given].map(([name, { value }]) => [name, value])))
  if (read.success) return settingsOf(read.data, given, noticesOf(env, given))
  const issue = read.error.issues[0]
  throw new SettingsError(`${given.get(issue?.path[0] as Name)?.spelled}: ${issue?.message}`)
}

function readEnv(env: Env): Given {
  const set = NAMES.flatMap((name) => (env[name] ? [[name, { value: env[name], spelled: name }] as const] : []))
  return new Map(set)
}

function readFlags(argv: readonly string[]): Given {
  const flags = new Map<Name, { value: string; spelled: string }>()
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] ?? ''
    // Errors repeat neither values nor stray arguments, because both may be secrets.
    if (!argument.startsWith('--')) throw new SettingsError(`argument ${i + 1} is no flag; write --name value`)
    const [spelled = '', ...rest] = argument.split('=')
    const name = NAMES.find((known) => flagOf(known) === spelled)
    if (!name) throw new SettingsError(`${oneLine(spelled)}: no such flag`)
    const value = rest.length > 0 ? rest.join('=') : argv[++i]
    if (!value || (rest.length === 0 && value.startsWith('--'))) throw new SettingsError(`${spelled}: needs a value`)
    flags.set(name, { value, spelled })
  }
  return flags
}

function settingsOf(read: Read, given: Given, notices: readonly string[]): Settings {
  return {
    dataFolder: resolve(read.KABUTAR_DATA),
    http: read.KABUTAR_HTTP,
    smtp: read.KABUTAR_SMTP,
    smtpLimits: {
      connections: read.KABUTAR_SMTP_MAX_CONNECTIONS,
      connectionsPerNetwork: read.KABUTAR_SMTP_MAX_PER_NETWORK,
      connectionsPerAddress: read.KABUTAR_SMTP_MAX_PER_ADDRESS,
      commandMs: read.KABUTAR_SMTP_COMMAND_TIMEOUT,
      lineBytes: read.KABUTAR_SMTP_MAX_LINE_BYTES,
      messageBytes: read.KABUTAR_SMTP_MAX_MESSAGE_BYTES,
    },
    tls: tlsOf(read, given),
    httpTls: read.KABUTAR_HTTP_TLS === 'on',
    relay: read.KABUTAR_RELAY,
    relayHeaders: read.KABUTAR_RELAY_HEADERS === 'on',
    apiKey: read.KABUTAR_API_KEY,
    domains: read.KABUTAR_DOMAINS,
    publicUrl: read.KABUTAR_PUBLIC_URL,
    dns: read.KABUTAR_DNS,
    sendRetriesMs: read.KABUTAR_SEND_RETRIES,
    webhookRetriesMs: read.KABUTAR_WEBHOOK_RETRIES,
    allowPrivate: allowPrivateOf(read),
    httpConnections: read.KABUTAR_HTTP_CONNECTIONS,
    maxUploads: read.KABUTAR_MAX_UPLOADS,
    domainsADay: read.KABUTAR_DOMAINS_A_DAY,
    storageBytes: read.KABUTAR_STORAGE,
    retention: read.KABUTAR_RETENTION,
    memoryBytes: read.KABUTAR_MEMORY === undefined ? defaultMemoryBytes() : read.KABUTAR_MEMORY * 1024 * 1024,
    logLevel: read.KABUTAR_LOG,
    notices,
  }
}

/**
 * True if it is set to `on`. Unset, it is true while nothing but this machine can reach the server and no mail leaves it,
 * which is development. It is never true with a public URL.
 */
function allowPrivateOf(read: Read): boolean {
  const { KABUTAR_ALLOW_PRIVATE: allow, KABUTAR_HTTP: http, KABUTAR_SMTP: smtp, KABUTAR_RELAY: relay } = read
  if (read.KABUTAR_PUBLIC_URL !== undefined) return false
  if (allow !== undefined) return allow === 'on'
  return relay.kind === 'capture' && isLoopback(http.host) && (smtp === undefined || isLoopback(smtp.host))
}

function tlsOf(read: Read, given: Given): CertificateFiles | undefined {
  const { KABUTAR_TLS_CERT: certFile, KABUTAR_TLS_KEY: keyFile, KABUTAR_HTTP_TLS: httpTls } = read
  if (certFile === undefined && keyFile === undefined) {
    const spelled = given.get('KABUTAR_HTTP_TLS')?.spelled
    if (httpTls === 'on') throw new SettingsError(`${spelled}: needs KABUTAR_TLS_CERT and KABUTAR_TLS_KEY`)
    return undefined
  }
  if (certFile === undefined) throw new SettingsError('KABUTAR_TLS_CERT: missing, though KABUTAR_TLS_KEY is set')
  if (keyFile === undefined) throw new SettingsError('KABUTAR_TLS_KEY: missing, though KABUTAR_TLS_CERT is set')
  try {
    loadCertificate({ certFile, keyFile })
  } catch {
    const spelled = given.get('KABUTAR_TLS_CERT')?.spelled
    throw new SettingsError(`${spelled}: this certificate can't be used with the key of KABUTAR_TLS_KEY`)
  }
  return { certFile, keyFile }
}

function noticesOf(env: Env, given: Given): readonly string[] {
  const unknown = Object.keys(env)
    .filter((name) => name.startsWith('KABUTAR_') && !(name in SCHEMA.shape))
    .map((name) => `${name} has no effect: no such setting`)
  const allow = given.get('KABUTAR_ALLOW_PRIVATE')
  const ignored = allow?.value === 'on' && given.has('KABUTAR_PUBLIC_URL')
  return [...unknown, ...(ignored ? [`${allow.spelled} has no effect: KABUTAR_PUBLIC_URL is set`] : [])]
}

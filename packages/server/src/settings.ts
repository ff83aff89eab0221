/**
 * All settings of the process, from the environment and the same names as flags (`KABUTAR_HTTP` is `--http`). They are
 * read here, once, and passed down as values; a flag overrides the environment and the last of two equal flags counts.
 */
import { resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import { DEFAULT_SEND_RETRIES, DEFAULT_WEBHOOK_RETRIES, durationsOf } from '@kabutar/core/retry-schedules.ts'
import * as z from 'zod'
import {
  type Address,
  addressOf,
  domainsOf,
  pemOf,
  type RelaySetting,
  relayOf,
  resolverOf,
  urlOf,
} from './settings-values.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export type Settings = {
  /** Absolute. */
  readonly dataFolder: string
  readonly http: Address
  /** Undefined if the listener is off. */
  readonly smtp: Address | undefined
  /** PEM texts that belong together. */
  readonly tls: TlsSetting | undefined
  readonly relay: RelaySetting
  readonly apiKey: string | undefined
  readonly domains: readonly string[]
  /** Without a slash at its end. Undefined: the address that HTTP is bound to. */
  readonly publicUrl: string | undefined
  /** Undefined: the system's resolver. */
  readonly dns: Address | undefined
  readonly sendRetriesMs: readonly number[]
  readonly webhookRetriesMs: readonly number[]
  readonly allowPrivate: boolean
  readonly logLevel: LogLevel
  /** What was set and has no effect, one line each, to be logged at the start. */
  readonly notices: readonly string[]
}
export type TlsSetting = { readonly cert: string; readonly key: string }

/** A setting that ends the start. `message` is one line that names it and carries no secret. */
export class SettingsError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'SettingsError'
  }
}

/** `read` throws an Error whose message goes behind the setting's name. */
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

const SETTINGS = z.object({
  KABUTAR_DATA: z.string().default('./data'),
  KABUTAR_HTTP: text(addressOf).prefault('127.0.0.1:3000'),
  KABUTAR_SMTP: listener.prefault('127.0.0.1:2525'),
  KABUTAR_SUBMISSION: missingListener.optional(),
  KABUTAR_IMAP: missingListener.optional(),
  KABUTAR_POP3: missingListener.optional(),
  KABUTAR_TLS_CERT: text(pemOf).optional(),
  KABUTAR_TLS_KEY: text(pemOf).optional(),
  KABUTAR_RELAY: text(relayOf).prefault('capture'),
  KABUTAR_API_KEY: z
    .string()
    .regex(/^re_[\x21-\x7e]{16,253}$/, 'must be re_ and 16 to 253 visible ASCII characters')
    .optional(),
  KABUTAR_DOMAINS: text(domainsOf).prefault('kabutar.test'),
  KABUTAR_PUBLIC_URL: text(urlOf).optional(),
  KABUTAR_DNS: text(resolverOf).prefault('system'),
  KABUTAR_SEND_RETRIES: text(durationsOf).prefault(DEFAULT_SEND_RETRIES),
  KABUTAR_WEBHOOK_RETRIES: text(durationsOf).prefault(DEFAULT_WEBHOOK_RETRIES),
  KABUTAR_ALLOW_PRIVATE: oneOf(['on', 'off']).default('off'),
  KABUTAR_LOG: oneOf(['debug', 'info', 'warn', 'error']).default('info'),
})
type Read = z.output<typeof SETTINGS>
type Name = keyof Read
const NAMES = Object.keys(SETTINGS.shape) as Name[]

type Env = Readonly<Record<string, string | undefined>>
/** The value, and how the user spelled the setting. */
type Given = ReadonlyMap<Name, { readonly value: string; readonly spelled: string }>

const oneLine = (words: string) => words.replace(/[^\x20-\x7e]/g, '?').slice(0, 80)
const flagOf = (name: Name) => `--${name.slice('KABUTAR_'.length).toLowerCase().replaceAll('_', '-')}`

/**
 * An empty variable counts as unset, since that is what container files pass for "nothing".
 * @throws {SettingsError} for the first wrong setting, or a flag that is unknown or has no value
 */
export function readSettings(env: Env = process.env, argv: readonly string[] = process.argv.slice(2)): Settings {
  const given: Given = new Map([...readEnv(env), ...readFlags(argv)])
  const read = SETTINGS.safeParse(Object.fromEntries([...given].map(([name, { value }]) => [name, value])))
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
    // Errors leave out what stands behind "=" and stray arguments: either may be a secret.
    if (!argument.startsWith('--')) throw new SettingsError(`argument ${i + 1} is no flag: write --name value`)
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
    tls: tlsOf(read, given),
    relay: read.KABUTAR_RELAY,
    apiKey: read.KABUTAR_API_KEY,
    domains: read.KABUTAR_DOMAINS,
    publicUrl: read.KABUTAR_PUBLIC_URL,
    dns: read.KABUTAR_DNS,
    sendRetriesMs: read.KABUTAR_SEND_RETRIES,
    webhookRetriesMs: read.KABUTAR_WEBHOOK_RETRIES,
    allowPrivate: read.KABUTAR_ALLOW_PRIVATE === 'on' && read.KABUTAR_PUBLIC_URL === undefined,
    logLevel: read.KABUTAR_LOG,
    notices,
  }
}

function tlsOf({ KABUTAR_TLS_CERT: cert, KABUTAR_TLS_KEY: key }: Read, given: Given): TlsSetting | undefined {
  if (cert === undefined && key === undefined) return undefined
  if (cert === undefined) throw new SettingsError('KABUTAR_TLS_CERT: missing, though KABUTAR_TLS_KEY is set')
  if (key === undefined) throw new SettingsError('KABUTAR_TLS_KEY: missing, though KABUTAR_TLS_CERT is set')
  try {
    createSecureContext({ cert, key })
  } catch {
    const spelled = given.get('KABUTAR_TLS_CERT')?.spelled
    throw new SettingsError(`${spelled}: this certificate can't be used with the key of KABUTAR_TLS_KEY`)
  }
  return { cert, key }
}

function noticesOf(env: Env, given: Given): readonly string[] {
  const unknown = Object.keys(env)
    .filter((name) => name.startsWith('KABUTAR_') && !(name in SETTINGS.shape))
    .map((name) => `${name} has no effect: no such setting`)
  const allow = given.get('KABUTAR_ALLOW_PRIVATE')
  const ignored = allow?.value === 'on' && given.has('KABUTAR_PUBLIC_URL')
  return [...unknown, ...(ignored ? [`${allow.spelled} has no effect: KABUTAR_PUBLIC_URL is set`] : [])]
}

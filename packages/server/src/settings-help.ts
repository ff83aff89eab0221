import { DEFAULT_STORAGE_GB } from '@kabutar/core/accounts/storage.ts'
import { NEW_DOMAINS } from '@kabutar/core/domains/create.ts'
import { MAX_UPLOADS } from '@kabutar/core/messages/uploads.ts'
import { MAX_INBOUND_BYTES } from '@kabutar/core/receiving/accept.ts'
import { DEFAULT_SEND_RETRIES, DEFAULT_WEBHOOK_RETRIES } from '@kabutar/core/retry-schedules.ts'
import type { Command } from './command-line.ts'

/** Each setting with its meaning, as `--help` prints it. An absent one has the value `initial`. */
export const SETTINGS = {
  KABUTAR_DATA: { meaning: 'folder of the database, blobs and secrets; one process at a time', initial: './data' },
  KABUTAR_HTTP: { meaning: 'where the API listens', initial: '127.0.0.1:3000' },
  KABUTAR_SMTP: { meaning: 'where inbound mail is accepted; off for nowhere', initial: '127.0.0.1:2525' },
  KABUTAR_SMTP_MAX_CONNECTIONS: { meaning: 'open SMTP connections in all', initial: '1000' },
  KABUTAR_SMTP_MAX_PER_NETWORK: { meaning: 'open SMTP connections of one IPv4 /24 or IPv6 /64', initial: '50' },
  KABUTAR_SMTP_MAX_PER_ADDRESS: { meaning: 'open SMTP connections of one address', initial: '20' },
  KABUTAR_SMTP_COMMAND_TIMEOUT: { meaning: 'time for one SMTP command or TLS handshake', initial: '5m' },
  KABUTAR_SMTP_MAX_LINE_BYTES: { meaning: 'octets of an SMTP command line', initial: '2048' },
  KABUTAR_SMTP_MAX_MESSAGE_BYTES: { meaning: 'octets of a message', initial: String(MAX_INBOUND_BYTES) },
  KABUTAR_RELAY: {
    meaning: 'capture (mail is kept and nothing leaves), smtp://user:password@host:port or smtps://…',
    initial: 'capture',
  },
  KABUTAR_RELAY_HEADERS: {
    meaning: 'on: messages may have fields by which a smart host adds recipients',
    initial: 'off',
  },
  KABUTAR_API_KEY: { meaning: 'a full-access key (re_…) that is accepted while this is set' },
  KABUTAR_DOMAINS: {
    meaning: 'domains of the first account that may send and receive without DNS, while they stand here',
    initial: 'kabutar.test',
  },
  KABUTAR_PUBLIC_URL: {
    meaning: 'base of signed download links; else the address of KABUTAR_HTTP. A proxy on this machine needs it',
  },
  KABUTAR_DNS: { meaning: 'address:port of the resolver for the records of domains', initial: 'system' },
  KABUTAR_SEND_RETRIES: { meaning: 'waits between relay attempts', initial: DEFAULT_SEND_RETRIES },
  KABUTAR_WEBHOOK_RETRIES: { meaning: 'waits before webhook attempts', initial: DEFAULT_WEBHOOK_RETRIES },
  KABUTAR_ALLOW_PRIVATE: {
    meaning:
      'on or off: may webhooks point to private addresses and plain http? Else on while mail is captured and everything listens on loopback only',
  },
  KABUTAR_TLS_CERT: { meaning: 'PEM file of a certificate: STARTTLS for inbound mail' },
  KABUTAR_TLS_KEY: { meaning: 'PEM file of its private key' },
  KABUTAR_HTTP_TLS: { meaning: 'on: the API is served as HTTPS, with that certificate', initial: 'off' },
  KABUTAR_HTTP_CONNECTIONS: { meaning: 'open connections of the API in all', initial: '1000' },
  KABUTAR_MAX_UPLOADS: { meaning: 'uploads that an account may have at once', initial: String(MAX_UPLOADS) },
  KABUTAR_DOMAINS_A_DAY: { meaning: 'domains that an account may add in a UTC day', initial: String(NEW_DOMAINS.aDay) },
  KABUTAR_STORAGE: {
    meaning: 'GB that an account may store; off for any number',
    initial: String(DEFAULT_STORAGE_GB),
  },
  KABUTAR_RETENTION: {
    meaning: 'days after which content and events are deleted: content=30,events=90, one of them, or off for never',
    initial: 'off',
  },
  KABUTAR_MEMORY: { meaning: 'MB that large requests and messages may hold in memory; else half of the heap limit' },
  KABUTAR_LOG: { meaning: 'debug, info, warn or error: JSON lines on stderr, never content or keys', initial: 'info' },
} as const satisfies Readonly<Record<string, { readonly meaning: string; readonly initial?: string }>>

/** The flag of a setting: `--http` for `KABUTAR_HTTP`. */
export const flagOf = (name: string) => `--${name.slice('KABUTAR_'.length).toLowerCase().replaceAll('_', '-')}`

/** `--help` of the start, with every setting. */
export function startCommand(): Command {
  const options = Object.entries(SETTINGS).map(([name, setting]) => [
    flagOf(name).slice(2),
    { ...setting, variable: name },
  ])
  return {
    usage: ['npm start', 'npm start -- --help', 'node packages/server/src/local.ts [--name value …]'],
    does: 'Runs the server. Each setting is a flag, a variable, or a line of the file .env; the first of them that is there counts.',
    options: Object.fromEntries(options),
  }
}

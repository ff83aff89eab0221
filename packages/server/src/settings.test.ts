import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, describe, test } from 'node:test'
import { getHeapStatistics } from 'node:v8'
import { readSettings, SettingsError } from './settings.ts'
import { SETTINGS } from './settings-help.ts'

const folder = mkdtempSync(join(tmpdir(), 'kabutar-settings-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const HOUR = 3_600_000

describe('settings', () => {
  test('the defaults are those of the documentation', () => {
    const { memoryBytes, ...settings } = readSettings({}, [])
    assert.equal(memoryBytes, Math.floor(getHeapStatistics().heap_size_limit / 2))
    assert.deepEqual(settings, {
      dataFolder: resolve('data'),
      http: { host: '127.0.0.1', port: 3000 },
      smtp: { host: '127.0.0.1', port: 2525 },
      smtpLimits: {
        connections: 1000,
        connectionsPerNetwork: 50,
        connectionsPerAddress: 20,
        commandMs: 300_000,
        lineBytes: 2048,
        messageBytes: 41_943_040,
      },
      tls: undefined,
      httpTls: false,
      relay: { kind: 'capture' },
      relayHeaders: false,
      httpConnections: 1000,
      maxUploads: 100,
      domainsADay: 5,
      storageBytes: 10 * 1024 ** 3,
      retention: {},
      apiKey: undefined,
      domains: ['kabutar.test'],
      publicUrl: undefined,
      dns: undefined,
      sendRetriesMs: [60_000, 300_000, 900_000, HOUR, 4 * HOUR, 8 * HOUR, 16 * HOUR, 24 * HOUR],
      webhookRetriesMs: [0, 5000, 300_000, 1_800_000, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR],
      allowPrivate: true,
      logLevel: 'info',
      notices: [],
    })
  })

  const smtp = (host: string, port: number, secure: boolean, auth?: { user: string; password: string }) => ({
    relay: { kind: 'smtp', host, port, secure, auth },
  })
  const read: readonly { name: string; env?: Record<string, string>; argv?: string[]; expected: object }[] = [
    { name: 'IPv6', env: { KABUTAR_HTTP: '[::1]:3000' }, expected: { http: { host: '::1', port: 3000 } } },
    { name: 'port 0', argv: ['--http', '127.0.0.1:0'], expected: { http: { host: '127.0.0.1', port: 0 } } },
    { name: 'a name', argv: ['--http=localhost:80'], expected: { http: { host: 'localhost', port: 80 } } },
    { name: 'off', env: { KABUTAR_SMTP: 'off' }, expected: { smtp: undefined, notices: [] } },
    { name: 'empty is unset', env: { KABUTAR_HTTP: '' }, expected: { http: { host: '127.0.0.1', port: 3000 } } },
    {
      name: 'a flag, which overrides a variable, and of two the last one',
      env: { KABUTAR_LOG: 'debug' },
      argv: ['--log', 'warn', '--log', 'error'],
      expected: { logLevel: 'error' },
    },
    {
      name: 'retention',
      env: { KABUTAR_RETENTION: 'content=30, events=90' },
      expected: { retention: { contentDays: 30, eventDays: 90 } },
    },
    { name: 'one retention', argv: ['--retention', 'events=30'], expected: { retention: { eventDays: 30 } } },
    {
      name: 'durations',
      argv: ['--send-retries', '0s, 5m,250ms,30d'],
      expected: { sendRetriesMs: [0, 300_000, 250, 720 * HOUR] },
    },
    {
      name: 'domains',
      env: { KABUTAR_DOMAINS: 'Example.COM, a.test,a.test' },
      expected: { domains: ['example.com', 'a.test'] },
    },
    { name: 'relay', argv: ['--relay', 'smtp://mail.example:2500'], expected: smtp('mail.example', 2500, false) },
    { name: 'relay port', argv: ['--relay', 'smtp://localhost'], expected: smtp('localhost', 587, false) },
    { name: 'relay IPv6', argv: ['--relay', 'smtp://[::1]:25/'], expected: smtp('::1', 25, false) },
    {
      name: 'relay with credentials',
      env: { KABUTAR_RELAY: 'smtps://joe%40a.test:p%3Aw%2F@mail.example' },
      expected: smtp('mail.example', 465, true, { user: 'joe@a.test', password: 'p:w/' }),
    },
    { name: 'resolver', env: { KABUTAR_DNS: '[::1]:5353' }, expected: { dns: { host: '::1', port: 5353 } } },
    {
      name: 'public URL',
      env: { KABUTAR_PUBLIC_URL: 'https://a.test/mail/' },
      expected: { publicUrl: 'https://a.test/mail' },
    },
    {
      name: 'limits of the SMTP listener',
      env: {
        KABUTAR_SMTP_MAX_CONNECTIONS: '100',
        KABUTAR_SMTP_MAX_PER_NETWORK: '60',
        KABUTAR_SMTP_MAX_PER_ADDRESS: '1',
      },
      argv: ['--smtp-command-timeout', '30s', '--smtp-max-line-bytes', '1024', '--smtp-max-message-bytes', '65536'],
      expected: {
        smtpLimits: {
          connections: 100,
          connectionsPerNetwork: 60,
          connectionsPerAddress: 1,
          commandMs: 30_000,
          lineBytes: 1024,
          messageBytes: 65_536,
        },
      },
    },
    { name: 'private on', argv: ['--allow-private', 'on'], expected: { allowPrivate: true, notices: [] } },
    {
      name: 'private ignored',
      argv: ['--allow-private', 'on', '--public-url', 'https://a.test'],
      expected: { allowPrivate: false, notices: ['--allow-private has no effect: KABUTAR_PUBLIC_URL is set'] },
    },
    {
      name: 'off for a listener that this version lacks, and unknown names',
      env: { KABUTAR_POP3: 'off', KABUTAR_RELEY: 'x' },
      expected: { notices: ['KABUTAR_RELEY has no effect: no such setting'] },
    },
  ]
  for (const { name, env = {}, argv = [], expected } of read) {
    test(`reads ${name}`, () => {
      const settings = readSettings(env, argv)
      const seen = Object.fromEntries(Object.keys(expected).map((key) => [key, settings[key as keyof typeof settings]]))
      assert.deepEqual(seen, expected)
    })
  }
})

describe('docs/settings.md', () => {
  const read = (path: string) => readFileSync(join(import.meta.dirname, path), 'utf8')
  const rows = read('../../../docs/settings.md')
    .split('\n')
    .filter((line) => line.startsWith('| `KABUTAR_'))
    .map((line) => line.split(' | '))
  const namesIn = (text = '') => text.match(/KABUTAR_[A-Z_]+/g) ?? []

  test('lists every setting that has an effect, and no other', () => {
    assert.deepEqual(rows.flatMap(([names]) => namesIn(names)).toSorted(), Object.keys(SETTINGS).toSorted())
  })

  test('states the defaults', () => {
    for (const [names, value = ''] of rows) {
      const [, stated] = /^`([^`]+)`/.exec(value) ?? []
      const [name = ''] = namesIn(names)
      if (stated !== undefined) assert.deepEqual(readSettings({ [name]: stated }, []), readSettings({}, []), name)
    }
  })
})

describe('webhooks to private addresses', () => {
  const cases: readonly { name: string; env: Record<string, string>; allowed: boolean }[] = [
    { name: 'are allowed in development', env: {}, allowed: true },
    { name: 'are refused once a variable says so', env: { KABUTAR_ALLOW_PRIVATE: 'off' }, allowed: false },
    { name: 'are refused with a relay', env: { KABUTAR_RELAY: 'smtp://localhost' }, allowed: false },
    { name: 'are refused where others reach the API', env: { KABUTAR_HTTP: '0.0.0.0:3000' }, allowed: false },
    { name: 'are refused where others reach SMTP', env: { KABUTAR_SMTP: '10.0.0.1:25' }, allowed: false },
    { name: 'are allowed without SMTP', env: { KABUTAR_SMTP: 'off' }, allowed: true },
    { name: 'are refused with a public URL', env: { KABUTAR_PUBLIC_URL: 'https://a.test' }, allowed: false },
    {
      name: 'are allowed with a relay if a variable says so',
      env: { KABUTAR_RELAY: 'smtp://localhost', KABUTAR_ALLOW_PRIVATE: 'on' },
      allowed: true,
    },
  ]
  for (const { name, env, allowed } of cases) {
    test(name, () => assert.equal(readSettings(env, []).allowPrivate, allowed))
  }
})

describe('a wrong setting', () => {
  const wrong: readonly { env?: Record<string, string>; argv?: string[]; names: string; hides?: string }[] = [
    { env: { KABUTAR_HTTP: '3000' }, names: 'KABUTAR_HTTP' },
    { env: { KABUTAR_HTTP: 'off' }, names: 'KABUTAR_HTTP' },
    { env: { KABUTAR_HTTP: '127.0.0.1:65536' }, names: 'KABUTAR_HTTP' },
    { env: { KABUTAR_HTTP: '::1:3000' }, names: 'KABUTAR_HTTP' },
    { argv: ['--http', '[127.0.0.1]:3000'], names: '--http' },
    { argv: ['--http', 'a b:3000'], names: '--http' },
    { env: { KABUTAR_SUBMISSION: '127.0.0.1:2587' }, names: 'KABUTAR_SUBMISSION: this version has no such listener' },
    { argv: ['--imap', '127.0.0.1:2143'], names: '--imap: this version has no such listener' },
    { env: { KABUTAR_POP3: '127.0.0.1:2110' }, names: 'KABUTAR_POP3: this version has no such listener' },
    { env: { KABUTAR_SMTP_MAX_CONNECTIONS: '0' }, names: 'KABUTAR_SMTP_MAX_CONNECTIONS' },
    { env: { KABUTAR_SMTP_MAX_PER_NETWORK: '100001' }, names: 'KABUTAR_SMTP_MAX_PER_NETWORK' },
    { env: { KABUTAR_SMTP_MAX_PER_ADDRESS: '1e2' }, names: 'KABUTAR_SMTP_MAX_PER_ADDRESS' },
    { env: { KABUTAR_SMTP_MAX_LINE_BYTES: '512' }, names: 'KABUTAR_SMTP_MAX_LINE_BYTES' },
    { argv: ['--smtp-max-message-bytes', '41943041'], names: '--smtp-max-message-bytes' },
    { argv: ['--smtp-max-message-bytes', '-1'], names: '--smtp-max-message-bytes' },
    { argv: ['--smtp-command-timeout', '30s,1m'], names: '--smtp-command-timeout' },
    { argv: ['--smtp-command-timeout', '2h'], names: '--smtp-command-timeout' },
    { argv: ['--smtp-command-timeout', '10'], names: '--smtp-command-timeout' },
    { argv: ['--send-retries', '5'], names: '--send-retries' },
    { argv: ['--send-retries', '31d'], names: '--send-retries' },
    { argv: ['--send-retries', '1m,,5m'], names: '--send-retries' },
    { argv: ['--webhook-retries', Array(33).fill('1m').join()], names: '--webhook-retries' },
    { env: { KABUTAR_DOMAINS: 'a.test,b-.test' }, names: 'KABUTAR_DOMAINS' },
    { env: { KABUTAR_DOMAINS: 'localhost' }, names: 'KABUTAR_DOMAINS' },
    { env: { KABUTAR_DOMAINS: '127.0.0.1' }, names: 'KABUTAR_DOMAINS' },
    { env: { KABUTAR_DNS: 'dns.example:53' }, names: 'KABUTAR_DNS' },
    { env: { KABUTAR_PUBLIC_URL: 'https://u:hush@a.test' }, names: 'KABUTAR_PUBLIC_URL', hides: 'hush' },
    { env: { KABUTAR_PUBLIC_URL: 'ftp://a.test' }, names: 'KABUTAR_PUBLIC_URL' },
    { env: { KABUTAR_MEMORY: '5' }, names: 'KABUTAR_MEMORY' },
    { env: { KABUTAR_STORAGE: '10 GB' }, names: 'KABUTAR_STORAGE' },
    { env: { KABUTAR_RETENTION: '30' }, names: 'KABUTAR_RETENTION' },
    { env: { KABUTAR_RETENTION: 'content=0' }, names: 'KABUTAR_RETENTION' },
    { env: { KABUTAR_RETENTION: 'content=30,events=29' }, names: 'KABUTAR_RETENTION' },
    { env: { KABUTAR_RETENTION: 'content=3,content=4' }, names: 'KABUTAR_RETENTION' },
    { env: { KABUTAR_ALLOW_PRIVATE: 'yes' }, names: 'KABUTAR_ALLOW_PRIVATE' },
    { env: { KABUTAR_LOG: 'verbose' }, names: 'KABUTAR_LOG' },
    { env: { KABUTAR_API_KEY: 'hush' }, names: 'KABUTAR_API_KEY', hides: 'hush' },
    { env: { KABUTAR_RELAY: 'mx' }, names: 'KABUTAR_RELAY' },
    { argv: ['--relay', 'ses'], names: '--relay' },
    { argv: ['--relay', 'smtp://joe:hu/sh@mail.example'], names: '--relay', hides: 'sh@' },
    { argv: ['--relay', 'smtp:joe:hush@mail.example'], names: '--relay', hides: 'hush' },
    { argv: ['--relay', 'http://joe:hush@mail.example'], names: '--relay', hides: 'hush' },
    { argv: ['--relay', 'smtp://joe:hush%zz@mail.example'], names: '--relay', hides: 'hush' },
    { argv: ['--relay', 'smtp://hush@mail.example'], names: '--relay', hides: 'hush' },
    { argv: ['--relay', 'smtp://joe:hush@mail.example?tls=no'], names: '--relay', hides: 'hush' },
    { argv: ['--relay', 'smtp://mail.example:0'], names: '--relay' },
    { argv: ['--reley=smtp://joe:hush@mail.example'], names: '--reley', hides: 'hush' },
    { argv: ['smtp://joe:hush@mail.example'], names: 'argument 1', hides: 'hush' },
    { argv: ['--two\nlines', 'x'], names: '--two?lines' },
    { argv: ['--http'], names: '--http' },
    { argv: ['--http', '--log', 'info'], names: '--http' },
    { env: { KABUTAR_TLS_CERT: join(folder, 'none.pem') }, names: 'KABUTAR_TLS_CERT' },
    { env: { KABUTAR_HTTP_TLS: 'yes' }, names: 'KABUTAR_HTTP_TLS' },
  ]
  for (const { env = {}, argv = [], names, hides } of wrong) {
    test(`is one line that names it: ${JSON.stringify([env, ...argv])}`, () => {
      assert.throws(
        () => readSettings(env, argv),
        (error: unknown) => {
          assert.ok(error instanceof SettingsError)
          assert.ok(error.message.startsWith(names), error.message)
          assert.doesNotMatch(error.message, /\n|undefined/)
          if (hides) assert.ok(!error.message.includes(hides), error.message)
          return true
        },
      )
    })
  }
})

/** Made for this test alone. */
const CERT = `-----BEGIN CERTIFICATE-----
MIIBRDCB96ADAgECAhRsJkFzYYuYnLOLf5XIO8ghqKEQqTAFBgMrZXAwFzEVMBMG
A1UEAwwMa2FidXRhci50ZXN0MCAXDTI2MTEyMjIyNDk1N1oYDzIxMjYxMDI5MjI0
OTU3WjAXMRUwEwYDVQQDDAxrYWJ1dGFyLnRlc3QwKjAFBgMrZXADIQDZKuAfUFRK
AjAmchmkqufB9pIgf4ohDbaN4EPgwjMMOqNTMFEwHQYDVR0OBBYEFLMUhqWfy4su
zPUP4ZhAcSyrF7kLMB8GA1UdIwQYMBaAFLMUhqWfy4suzPUP4ZhAcSyrF7kLMA8G
A1UdEwEB/wQFMAMBAf8wBQYDK2VwA0EAH2eOjpEYX6LPe1P6C/FJ+o+ELihortY4
VDrJZd5M/iZLQM5LvmFV39qdADu6AtAM9i6z/UeRzkhsWUsfQEqfBQ==
-----END CERTIFICATE-----`
const KEY = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIANY5w6DrlotysDczzzO9eM2VtoKGveaue+XMhUvGNUD
-----END PRIVATE KEY-----`

describe('certificates', () => {
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const cert = file('cert.pem', CERT)

  test('a certificate is read with its key, and refused without it or with another key', () => {
    const key = file('key.pem', KEY)
    assert.deepEqual(readSettings({ KABUTAR_TLS_CERT: cert, KABUTAR_TLS_KEY: key }, []).tls, {
      certFile: cert,
      keyFile: key,
    })
    const { privateKey } = generateKeyPairSync('ed25519')
    const other = file('other.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
    const mixed = { KABUTAR_TLS_CERT: cert, KABUTAR_TLS_KEY: other }
    assert.throws(() => readSettings(mixed, []), /^SettingsError: KABUTAR_TLS_CERT: /)
    assert.throws(() => readSettings({ KABUTAR_TLS_CERT: cert }, []), /^SettingsError: KABUTAR_TLS_KEY: missing/)
    assert.throws(() => readSettings({ KABUTAR_TLS_KEY: key }, []), /^SettingsError: KABUTAR_TLS_CERT: missing/)
  })

  test('HTTPS needs a certificate', () => {
    assert.throws(
      () => readSettings({}, ['--http-tls', 'on']),
      /^SettingsError: --http-tls: needs KABUTAR_TLS_CERT and/,
    )
    const key = file('https-key.pem', KEY)
    const settings = readSettings({ KABUTAR_TLS_CERT: cert, KABUTAR_TLS_KEY: key, KABUTAR_HTTP_TLS: 'on' }, [])
    assert.equal(settings.httpTls, true)
  })

  test('a file that is not PEM is refused', () => {
    const path = file('text.pem', 'hello')
    assert.throws(() => readSettings({}, ['--tls-cert', path]), /^SettingsError: --tls-cert: this file is not in PEM/)
  })
})

/** The embedded platform put together: one process, one data folder, every listener and worker. */
import { randomBytes, randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureFirstAccount, FIRST_ACCOUNT } from '@kabutar/core/accounts/accounts.ts'
import { adoptKey, createKey, listKeys } from '@kabutar/core/accounts/keys.ts'
import { claimDomain } from '@kabutar/core/domains/domains.ts'
import { guardedClient } from '@kabutar/core/net/guarded.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import type { Relay } from '@kabutar/core/ports/relay.ts'
import { dnsRecords, systemResolver } from '@kabutar/core/ports/resolver.ts'
import type { AcceptPorts } from '@kabutar/core/receiving/accept.ts'
import { newCaches } from '@kabutar/core/store/cache.ts'
import { dispatchState } from '@kabutar/core/webhooks/dispatch-ports.ts'
import { createApp } from '@kabutar/http/app.ts'
import { localBlobs } from '@kabutar/local/files/blobs.ts'
import { dkimKeyOf } from '@kabutar/local/identity/dkim-keys.ts'
import { localIdentities } from '@kabutar/local/identity/identities.ts'
import { captureRelay } from '@kabutar/local/relay/capture.ts'
import { acceptForOwnDomains } from '@kabutar/local/relay/own-domains.ts'
import { signedRelay } from '@kabutar/local/relay/signed.ts'
import { smtpRelay } from '@kabutar/local/relay/smtp.ts'
import { type Engine, openEngine } from '@kabutar/local/sqlite/engine.ts'
import { releaseLeases, sqliteQueue } from '@kabutar/local/sqlite/queue.ts'
import { storeAtOnce } from '@kabutar/local/sqlite/store-at-once.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { uuidIds } from '@kabutar/local/uuid-ids.ts'
import { listenHttp } from './http.ts'
import { FrontDoor } from './load-shedding.ts'
import type { Settings } from './settings.ts'
import { hostnameOf, listenSmtp } from './smtp.ts'
import { runWorkers } from './workers.ts'

export type Running = {
  readonly url: string
  /** `host:port` of the inbound SMTP listener; undefined if it is off. */
  readonly smtp: string | undefined
  /** Made by this start, and never to be seen again. */
  readonly newKey?: string
  /** Drains within `deadlineMs`: nothing new is taken, what runs is finished, the folder is given back. */
  stop(deadlineMs: number): Promise<void>
}

const MAX_ATTEMPTS = 5

/** @throws {Error} one line, if the folder is taken or an address is in use */
export async function startEmbedded(settings: Settings, log: Log): Promise<Running> {
  const engine = openEngine(settings.dataFolder)
  releaseLeases(engine, systemClock)
  const http = await listenHttp(settings.http)
  const ports = embeddedPorts(engine, settings, log, new URL(settings.publicUrl ?? http.url))
  const newKey = await prepare(ports, settings)
  const operatorToken = randomBytes(32).toString('base64url')
  const operatorFile = join(settings.dataFolder, 'operator.json')
  await writeFile(operatorFile, JSON.stringify({ url: http.url, token: operatorToken }), { mode: 0o600 })
  const ending = new AbortController()
  const door = new FrontDoor(systemClock)
  const workers = runWorkers(ports, door, ending.signal)
  const smtp = await listenSmtp(settings, ports, door)
  http.serve(createApp(ports, { operatorToken, inject: settings.relay.kind === 'capture' }))
  return {
    url: http.url,
    smtp: smtp?.address,
    ...(newKey !== undefined && { newKey }),
    async stop(deadlineMs) {
      await rm(operatorFile, { force: true })
      ending.abort()
      const drained = Promise.all([http.close(deadlineMs), smtp?.close(deadlineMs), workers])
      await Promise.race([drained, systemClock.sleep(deadlineMs)])
      await ports.relay.close?.()
      ports.client.close()
      engine.close()
    },
  }
}

type EmbeddedPorts = ReturnType<typeof embeddedPorts>

function embeddedPorts(engine: Engine, settings: Settings, log: Log, baseUrl: URL) {
  const clock = systemClock
  const client = guardedClient({ resolver: systemResolver, allowPrivate: settings.allowPrivate })
  const queue = (name: string) => sqliteQueue(engine, name, clock, { maxAttempts: MAX_ATTEMPTS })
  const table = sqliteTable(engine, clock)
  const blobs = localBlobs(engine, settings.dataFolder, { clock, baseUrl })
  const receiveQueue = queue('receive')
  const accepting = {
    table,
    blobs,
    receiveQueue,
    clock,
    caches: newCaches(clock),
    ids: uuidIds(clock),
    storeAtOnce: storeAtOnce(engine, blobs, receiveQueue),
  }
  return {
    ...accepting,
    identities: localIdentities({ table, records: dnsRecords(serverOf(settings)), hostname: hostnameOf(settings) }),
    downloads: blobs,
    sendQueue: queue('send'),
    webhookQueue: queue('webhooks'),
    webhookRetriesMs: settings.webhookRetriesMs,
    client,
    ...dispatchState(client, { clock, random: Math.random }),
    userAgent: 'Kabutar/0.1',
    allowPrivate: settings.allowPrivate,
    relay: relayOf(settings, accepting),
    log,
    worker: { id: randomUUID(), exclusive: true },
    sendRetries: settings.sendRetriesMs,
    random: Math.random,
  }
}

function serverOf({ dns }: Settings): string | undefined {
  return dns && `${dns.host.includes(':') ? `[${dns.host}]` : dns.host}:${dns.port}`
}

function relayOf({ relay }: Settings, accepting: AcceptPorts): Relay {
  if (relay.kind === 'capture') return captureRelay((envelope, raw) => acceptForOwnDomains(accepting, envelope, raw))
  const url = new URL(
    `${relay.secure ? 'smtps' : 'smtp'}://${relay.host.includes(':') ? `[${relay.host}]` : relay.host}:${relay.port}`,
  )
  if (relay.auth !== undefined) {
    url.username = encodeURIComponent(relay.auth.user)
    url.password = encodeURIComponent(relay.auth.password)
  }
  return signedRelay(smtpRelay(url), (domain) => dkimKeyOf(accepting.table, domain))
}

/** The first account with the domains and the key of the settings; answers the key that it had to make itself. */
async function prepare(ports: EmbeddedPorts, settings: Settings): Promise<string | undefined> {
  await ensureFirstAccount(ports)
  for (const domain of settings.domains) await claimDomain(ports, FIRST_ACCOUNT, domain)
  const key = { name: 'First key', permission: 'full_access' } as const
  if (settings.apiKey !== undefined) {
    await adoptKey(ports, FIRST_ACCOUNT, { ...key, name: 'KABUTAR_API_KEY' }, settings.apiKey)
    return undefined
  }
  if ((await listKeys(ports.table, FIRST_ACCOUNT)).length > 0) return undefined
  return (await createKey(ports, FIRST_ACCOUNT, key)).token
}

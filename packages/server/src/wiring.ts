/** Composes the adapters of the embedded platform: one process with one data folder, every listener and every worker. */
import { randomBytes, randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { HttpBindings } from '@hono/node-server'
import { NEW_DOMAINS } from '@kabutar/core/domains/create.ts'
import { loggedChanges } from '@kabutar/core/messages/activity.ts'
import { ChangeLog, withChangeLog } from '@kabutar/core/messages/change-log.ts'
import { guardedClient } from '@kabutar/core/net/guarded.ts'
import { boundedLog } from '@kabutar/core/ports/bounded-log.ts'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { ComputePorts } from '@kabutar/core/ports/compute.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import type { Relay } from '@kabutar/core/ports/relay.ts'
import type { AcceptPorts } from '@kabutar/core/receiving/accept.ts'
import { watchedRelay } from '@kabutar/core/sending/watched-relay.ts'
import { newCaches } from '@kabutar/core/store/cache.ts'
import { Semaphore } from '@kabutar/core/store/semaphore.ts'
import { dispatchState } from '@kabutar/core/webhooks/dispatch-ports.ts'
import { createApp } from '@kabutar/http/app.ts'
import type { Env } from '@kabutar/http/env.ts'
import { loadSanitizer } from '@kabutar/http/sanitize-message.ts'
import { dnsRecords, systemResolver } from '@kabutar/local/dns.ts'
import { localBlobs } from '@kabutar/local/files/blobs.ts'
import { sharingWarning } from '@kabutar/local/files/data-folder.ts'
import { dkimKeyOf } from '@kabutar/local/identity/dkim-keys.ts'
import { localIdentities } from '@kabutar/local/identity/identities.ts'
import { captureRelay } from '@kabutar/local/relay/capture.ts'
import { acceptForOwnDomains } from '@kabutar/local/relay/own-domains.ts'
import { signedRelay } from '@kabutar/local/relay/signed.ts'
import { smtpRelay } from '@kabutar/local/relay/smtp.ts'
import { sqliteDeadLetters } from '@kabutar/local/sqlite/dead-letters.ts'
import { type Engine, openEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteQueue } from '@kabutar/local/sqlite/queue.ts'
import { endLongDelays, releaseLeases } from '@kabutar/local/sqlite/queue-entries.ts'
import { storeAtOnce } from '@kabutar/local/sqlite/store-at-once.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { uuidIds } from '@kabutar/local/uuid-ids.ts'
import { loadComposer } from '@kabutar/mail/compose.ts'
import { loadDecoders } from '@kabutar/mail/read/mailparser.ts'
import type { Context, Hono } from 'hono'
import { Certificate } from './certificate.ts'
import { computePool } from './compute-pool.ts'
import { consoleOptions } from './console-access.ts'
import { BUILT_CONSOLE, consoleSite } from './console-site.ts'
import { prepareFirstAccount } from './first-account.ts'
import { HealthWatch } from './health.ts'
import { listenHttp } from './http.ts'
import { LoadShedding, waitsForChanges } from './load-shedding.ts'
import type { Settings } from './settings.ts'
import { hostText } from './settings-values.ts'
import { hostnameOf, listenSmtp } from './smtp.ts'
import { runWorkers } from './workers.ts'

export type Running = {
  readonly url: string
  /** True if the console was built, so that browsers find it at `url`. */
  readonly console: boolean
  /** `host:port` of the inbound SMTP listener; undefined if it is off. */
  readonly smtp: string | undefined
  /** The API key that this start has made; only its SHA-256 is stored. */
  readonly newKey?: string
  /** Accepts nothing more, finishes what is running within `deadlineMs`, and releases the data folder. */
  stop(deadlineMs: number): Promise<void>
}

const MAX_ATTEMPTS = 5
/** With less, large work has one thread: each may take as much memory as the largest message needs. */
const SMALL_MEMORY_BYTES = 512 * 1024 * 1024
/** The queues whose entries bring what strangers wrote. */
const SUSPECTS = ['receive']

/** Starts the server. @throws {SettingsError | DataFolderError} one line, if the data folder or an address can't be used */
export async function startServer(settings: Settings, log: Log, clock: Clock = systemClock): Promise<Running> {
  // Node remembers a failed import of a CommonJS module for as long as the process lives, so these are loaded at the start.
  await Promise.all([loadDecoders(), loadComposer(), loadSanitizer()])
  const engine = openEngine(settings.dataFolder)
  try {
    return await startOn(engine, settings, boundedLog(log, clock), clock)
  } catch (error) {
    engine.close()
    throw error
  }
}

async function startOn(engine: Engine, settings: Settings, log: Log, clock: Clock): Promise<Running> {
  const shared = sharingWarning(settings.dataFolder)
  if (shared !== undefined) log.warn(`KABUTAR_DATA: ${shared}`)
  releaseLeases(engine, clock, SUSPECTS)
  const certificate = settings.tls && new Certificate(settings.tls, log)
  const { httpConnections: maxConnections } = settings
  const httpOptions = { certificate: settings.httpTls ? certificate : undefined, maxConnections }
  const http = await listenHttp(settings.http, clock, httpOptions)
  const ports = portsOf(engine, settings, log, clock, new URL(settings.publicUrl ?? http.url))
  const newKey = await prepareFirstAccount(ports, settings)
  const shedding = new LoadShedding(clock)
  const smtp = await listenSmtp(settings, ports, shedding, certificate)
  const operator = await writeOperatorFile(settings.dataFolder, http.url)
  const ending = new AbortController()
  const health = new HealthWatch(settings.dataFolder, { ...ports, engine })
  const workers = Promise.all([runWorkers(ports, shedding, ending.signal), health.watch(ending.signal)])
  void certificate?.watch(clock, ending.signal, () => http.renewCertificate())
  const site = consoleSite(BUILT_CONSOLE)
  const app = createApp(ports, {
    ...consoleOptions(settings, http, smtp?.address),
    ...(site && { site }),
    operatorToken: operator.token,
    deadLetters: sqliteDeadLetters(engine, clock),
    inject: settings.relay.kind === 'capture',
    health: () => health.report(),
    changes: loggedChanges(ports.table, ports.changeLog),
    ending: ending.signal,
    ...CONNECTIONS,
  })
  http.serve(answering(app, shedding))
  return {
    url: http.url,
    console: site !== undefined,
    smtp: smtp?.address,
    ...(newKey !== undefined && { newKey }),
    async stop(deadlineMs) {
      ending.abort()
      const drained = Promise.all([http.close(deadlineMs), smtp?.close(deadlineMs), workers])
      await Promise.race([drained, clock.sleep(deadlineMs)])
      // Each step is tried: on a disk that takes no writes the file stays, and the next start replaces it.
      const steps = [() => rm(operator.file, { force: true }), () => ports.relay.close?.(), () => ports.client.close()]
      for (const step of [...steps, () => ports.compute.close(), () => engine.close()]) await attempt(log, step)
    },
  }
}

const CONNECTIONS = {
  cut: ({ env }: Context) => void (env as HttpBindings).incoming.socket.destroy(),
  addressOf: ({ env }: Context) => (env as HttpBindings).incoming.socket.remoteAddress,
  httpVersionOf: ({ env }: Context) => (env as HttpBindings).incoming.httpVersion,
}

/** Counts requests as load while they are answered, except those that wait for changes. */
const answering = (app: Hono<Env>, shedding: LoadShedding) => (request: Request, env: HttpBindings) =>
  waitsForChanges(request) ? app.fetch(request, env) : shedding.during(async () => app.fetch(request, env))

async function attempt(log: Log, step: () => unknown): Promise<void> {
  try {
    await step()
  } catch (error) {
    log.warn('a step of the shutdown failed', { error: error as Error })
  }
}

function portsOf(engine: Engine, settings: Settings, log: Log, clock: Clock, baseUrl: URL) {
  const client = guardedClient({ clock, resolver: systemResolver, allowPrivate: settings.allowPrivate })
  const queue = (name: string) => sqliteQueue(engine, name, clock, { maxAttempts: MAX_ATTEMPTS, log })
  const ids = uuidIds(clock)
  const changeLog = new ChangeLog({ clock, ids })
  const table = withChangeLog(sqliteTable(engine, clock), changeLog)
  const blobs = localBlobs(engine, settings.dataFolder, { clock, baseUrl, log })
  const receiveQueue = queue('receive')
  const accepting = {
    table,
    blobs,
    receiveQueue,
    clock,
    compute: computePool(clock, log, { threads: settings.memoryBytes < SMALL_MEMORY_BYTES ? 1 : 2 }),
    memory: new Semaphore(settings.memoryBytes, clock),
    caches: newCaches(clock),
    ids,
    storeAtOnce: storeAtOnce(engine, blobs, receiveQueue),
    endLongDelays: () => endLongDelays(engine, clock),
  }
  return {
    ...accepting,
    changeLog,
    identities: localIdentities({ table, records: dnsRecords(resolverOf(settings)), hostname: hostnameOf(settings) }),
    downloads: blobs,
    sendQueue: queue('send'),
    webhookQueue: queue('webhooks'),
    webhookRetriesMs: settings.webhookRetriesMs,
    client,
    ...dispatchState(client, { clock, random: Math.random }),
    userAgent: 'Kabutar/0.1',
    allowPrivate: settings.allowPrivate,
    relay: watchedRelay(relayOf(settings, accepting), { log, clock, setting: 'KABUTAR_RELAY' }),
    onboardingSender: settings.relay.kind === 'capture',
    log,
    ...accountLimits(settings),
    refuseRelayHeaders: settings.relay.kind === 'smtp' && !settings.relayHeaders,
    worker: { id: randomUUID(), exclusive: true },
    sendRetries: settings.sendRetriesMs,
    random: Math.random,
  }
}

/** What an account may have, and for how long. */
const accountLimits = ({ maxUploads, storageBytes, retention, domainsADay }: Settings) => ({
  maxUploads,
  storageBytes,
  retention,
  newDomains: { ...NEW_DOMAINS, aDay: domainsADay },
})

const resolverOf = ({ dns }: Settings) => dns && `${hostText(dns.host)}:${dns.port}`

function relayOf({ relay }: Settings, accepting: AcceptPorts & ComputePorts): Relay {
  if (relay.kind === 'capture') return captureRelay((envelope, raw) => acceptForOwnDomains(accepting, envelope, raw))
  const url = new URL(`${relay.secure ? 'smtps' : 'smtp'}://${hostText(relay.host)}:${relay.port}`)
  if (relay.auth !== undefined) {
    url.username = encodeURIComponent(relay.auth.user)
    url.password = encodeURIComponent(relay.auth.password)
  }
  return signedRelay(smtpRelay(url), accepting.compute, (domain) => dkimKeyOf(accepting.table, domain))
}

/** Leaves the address and a fresh token in the data folder for `npm run account` and `redrive`, readable by the owner alone. */
async function writeOperatorFile(dataFolder: string, url: string): Promise<{ file: string; token: string }> {
  const token = randomBytes(32).toString('base64url')
  const file = join(dataFolder, 'operator.json')
  await writeFile(file, JSON.stringify({ url, token }), { mode: 0o600 })
  return { file, token }
}

import { ensureFirstAccount, FIRST_ACCOUNT } from '@kabutar/core/accounts/accounts.ts'
import { adoptKey } from '@kabutar/core/accounts/keys.ts'
import { claimDomain } from '@kabutar/core/domains/domains.ts'
import { newCaches } from '@kabutar/core/store/cache.ts'
import { smtpRelay } from '@kabutar/local/relay/smtp.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { uuidIds } from '@kabutar/local/uuid-ids.ts'
import type { Server, ServerOptions } from '../flows/support/server-type.ts'
import { recipientsOfRules } from './inbound.ts'
import { type Platform, type Running, startPlatform } from './platform.ts'
import type { SentMail } from './ses.ts'
import { deliverToNextHop, type SesHop } from './ses-hop.ts'

const SES_RETRIES_MS = [300, 300]
/**
 * At AWS, entries and rows of a killed sandbox come back after their lease has ended, within two minutes. After a restart
 * the clock of the sandboxes is ahead by this much, so that tests need not wait.
 */
const RESTART_TAKES_MS = 125_000

/**
 * Runs the flow tests on the AWS composition instead of the server process. SES's stand-in delivers to the SMTP peer that a
 * test names as `KABUTAR_RELAY`, with retries of its own, and to our own domains by their receipt rules. A stop ends every
 * sandbox; durable data is in the stand-ins.
 */
export async function startAwsServer(options: ServerOptions & { readonly apiKey: string }): Promise<Server> {
  const { env = {}, apiKey } = options
  const nextHop = smtpRelay(new URL(env.KABUTAR_RELAY ?? 'smtp://127.0.0.1:1'))
  const publish = (event: object) => platform.publish(event)
  const hop: SesHop = { nextHop, retriesMs: SES_RETRIES_MS, publishesDelivery: false, publish }
  const platform: Platform = await startPlatform((mail) => void route(platform, hop, mail))
  const { relayDefers = () => false } = options
  platform.ses.rules.push(({ recipients }) => (recipients.some(relayDefers) ? 'forbidden' : undefined))
  await createFirstAccount(platform, apiKey)
  let aheadMs = 0
  const start = (more: Readonly<Record<string, string>> = {}, port = 0) => {
    const all = { KABUTAR_ALLOW_PRIVATE: 'on', ...env, ...more, CLOCK_AHEAD_MS: String(aheadMs) }
    return platform.run(all, { port })
  }
  let running: Running = await start()
  const close = async () => {
    await running.kill()
    await nextHop.close?.()
    await platform.close()
  }
  return {
    platform: 'aws',
    get url() {
      return running.url
    },
    get stderr() {
      return running.logs()
    },
    stdout: [],
    smtpPort: undefined,
    pid: 0,
    dataFolder: '',
    apiKey,
    operator: { args: ['--stage', 'production'], env: platform.env },
    receive: (raw, recipients) => takeMail(platform, raw, recipients),
    async publish(records) {
      for (const { name } of records) platform.ses.published.add(name)
    },
    async stop() {
      await running.stop()
      return 0
    },
    kill: () => running.kill(),
    async restart(more) {
      await running.kill()
      aheadMs += RESTART_TAKES_MS
      running = await start(more, Number(new URL(running.url).port))
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Delivers to recipients at our own domains by their receipt rules, to the others at the next hop. */
async function route(platform: Platform, hop: SesHop, mail: SentMail): Promise<void> {
  const own = recipientsOfRules(platform.rules, mail.recipients)
  const others = mail.recipients.filter((recipient) => !own.includes(recipient))
  if (own.length > 0) await platform.receive({ sesId: `loop-${mail.id}`, raw: mail.raw, recipients: own })
  if (others.length > 0) await deliverToNextHop(hop, { ...mail, recipients: others })
}

/** @throws {Error} the refusal of SES at RCPT, if no rule of the active set takes a recipient */
async function takeMail(platform: Platform, raw: string | Uint8Array, recipients: readonly string[]): Promise<void> {
  const taken = recipientsOfRules(platform.rules, recipients)
  if (taken.length === 0) throw new Error('550 5.1.1 mailbox unavailable')
  await platform.receive({ sesId: `in-${mails++}`, raw, recipients: taken })
}
let mails = 0

/** Creates the first account with its domain and a key, as `npm run account` does on AWS. */
export async function createFirstAccount({ table, rules, ses, wiring }: Platform, apiKey: string): Promise<void> {
  const ports = { table, clock: systemClock, ids: uuidIds(systemClock) }
  await ensureFirstAccount(ports)
  await claimDomain(ports, FIRST_ACCOUNT, 'kabutar.test')
  await adoptKey(
    { ...ports, caches: newCaches(systemClock) },
    FIRST_ACCOUNT,
    { name: 'First key', permission: 'full_access' },
    apiKey,
  )
  ses.verified.add('kabutar.test')
  const S3 = {
    BucketName: wiring.bucket,
    ObjectKeyPrefix: wiring.created.prefix,
    TopicArn: 'arn:aws:sns:us-east-1:123456789012:Inbound',
  }
  const rule = { Name: 'by-hand', Enabled: true, TlsPolicy: 'Optional', ScanEnabled: true, S3 }
  rules.active = wiring.ruleSet
  rules.sets.set(wiring.ruleSet, [{ ...rule, Recipients: ['kabutar.test'] }])
}

import { ensureFirstAccount, FIRST_ACCOUNT } from '@kabutar/core/accounts/accounts.ts'
import { adoptKey } from '@kabutar/core/accounts/keys.ts'
import { claimDomain } from '@kabutar/core/domains/domains.ts'
import { systemClock } from '@kabutar/core/ports/clock.ts'
import { uuidIds } from '@kabutar/core/ports/ids.ts'
import { smtpRelay } from '@kabutar/local/relay-smtp.ts'
import type { Server, ServerOptions } from '../flows/support/server-type.ts'
import { type Platform, type Running, startPlatform } from './platform.ts'
import { deliver, type SesHop } from './ses-hop.ts'

const SES_RETRIES_MS = [300, 300]

/**
 * The AWS composition in place of the server process of the flow tests. SES's stand-in delivers to the SMTP peer that
 * the test names as `KABUTAR_RELAY`, with retries of its own. Stopping it loses every sandbox; what lasts is in the stand-ins.
 */
export async function startAwsServer(options: ServerOptions & { readonly apiKey: string }): Promise<Server> {
  const { env = {}, apiKey } = options
  const nextHop = smtpRelay(new URL(env.KABUTAR_RELAY ?? 'smtp://127.0.0.1:1'))
  const publish = (event: object) => platform.publish(event)
  const hop: SesHop = { nextHop, retriesMs: SES_RETRIES_MS, tellDelivery: false, publish }
  const platform: Platform = await startPlatform((mail) => void deliver(hop, mail))
  await prepare(platform, apiKey)
  const start = (more: Readonly<Record<string, string>> = {}, port = 0) =>
    platform.run({ KABUTAR_ALLOW_PRIVATE: 'on', ...env, ...more }, { port })
  let running: Running = await start()
  const close = async () => {
    await running.stop()
    await nextHop.close?.()
    await platform.close()
  }
  return {
    get url() {
      return running.url
    },
    get stderr() {
      return Object.values(running.lambdas).flatMap(({ logs }) => logs)
    },
    stdout: [],
    smtpPort: undefined,
    pid: 0,
    dataFolder: '',
    apiKey,
    async stop() {
      await running.stop()
      return 0
    },
    kill: () => running.stop(),
    async restart(more) {
      await running.stop()
      running = await start(more, Number(new URL(running.url).port))
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** The first account with its domain and a key, as `npm run account` makes it in an account of AWS. */
export async function prepare({ table }: Platform, apiKey: string): Promise<void> {
  const ports = { table, clock: systemClock, ids: uuidIds(systemClock) }
  await ensureFirstAccount(ports)
  await claimDomain(ports, FIRST_ACCOUNT, 'kabutar.test')
  await adoptKey(ports, FIRST_ACCOUNT, { name: 'First key', permission: 'full_access' }, apiKey)
}

/** The entry of `npm start`: runs the server in this process, with settings from the environment and from flags. */
import { banner } from './banner.ts'
import { jsonLog } from './log.ts'
import { readSettings, SettingsError } from './settings.ts'
import { startServer } from './wiring.ts'

const DRAIN_MS = 8000

async function main(): Promise<void> {
  const settings = readSettings()
  const log = jsonLog(settings.logLevel)
  for (const notice of settings.notices) log.warn(notice)
  const running = await startServer(settings, log)
  process.stdout.write(banner(running, settings.domains[0] ?? 'your.domain'))
  const stop = async (signal: string) => {
    log.info('stopping', { signal })
    await running.stop(DRAIN_MS)
    process.exit(0)
  }
  process.once('SIGTERM', () => void stop('SIGTERM'))
  process.once('SIGINT', () => void stop('SIGINT'))
}

try {
  await main()
} catch (error) {
  console.error(`Kabutar cannot start: ${error instanceof Error ? error.message : String(error)}`)
  process.exit(error instanceof SettingsError ? 2 : 1)
}

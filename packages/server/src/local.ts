/** The entry of `npm start`: runs the server in this process, with settings from the environment, `.env` and flags. */
import { DataFolderError } from '@kabutar/local/files/data-folder.ts'
import { banner } from './banner.ts'
import { answerOf, loadEnvFile, UsageError } from './command-line.ts'
import { jsonLog } from './log.ts'
import { readSettings, SettingsError } from './settings.ts'
import { startCommand } from './settings-help.ts'
import { startServer } from './wiring.ts'

const DRAIN_MS = 8000

async function main(): Promise<void> {
  const help = answerOf(startCommand(), process.argv.slice(2))
  if (help !== undefined) return void process.stdout.write(help)
  loadEnvFile()
  const settings = readSettings()
  const log = jsonLog(settings.logLevel)
  for (const notice of settings.notices) log.warn(notice)
  const running = await startServer(settings, log)
  log.info('started', { http: running.url, smtp: running.smtp, data: settings.dataFolder })
  process.stdout.write(banner(running, settings))
  const stop = async (signal: string) => {
    log.info('stopping', { signal })
    await running.stop(DRAIN_MS)
    process.exit(0)
  }
  process.once('SIGTERM', () => void stop('SIGTERM'))
  process.once('SIGINT', () => void stop('SIGINT'))
}

/** Codes with which a disk refuses a write that the next start may do, so the start is worth another try. */
const DISK_CODES = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO'])

const SQLITE_FULL = 13
const isFull = (cause: unknown) => {
  const { code = '', errcode } = (cause ?? {}) as NodeJS.ErrnoException & { readonly errcode?: number }
  return DISK_CODES.has(code) || errcode === SQLITE_FULL
}

/** One line, and the exit code: 2 for what only a changed setting mends. */
function refusalOf(error: unknown): { readonly text: string; readonly code: number } {
  if (error instanceof SettingsError || error instanceof UsageError) return { text: error.message, code: 2 }
  const { code = '', message, cause } = error as NodeJS.ErrnoException
  if (error instanceof DataFolderError) return { text: `KABUTAR_DATA: ${message}`, code: isFull(cause) ? 1 : 2 }
  if (code === 'Unavailable' || DISK_CODES.has(code)) {
    const why = cause instanceof Error ? cause.message : message
    return {
      text: `KABUTAR_DATA: can't write to the data folder (${why}); free some space, or name another folder`,
      code: 1,
    }
  }
  return { text: error instanceof Error ? message : String(error), code: 1 }
}

try {
  await main()
} catch (error) {
  const { text, code } = refusalOf(error)
  console.error(`Kabutar cannot start: ${text}`)
  process.exit(code)
}

/** Gives every command `--help`, `--version`, settings from a file `.env`, and errors in one line with exit code 2. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

export type Command = {
  /** Lines of the usage, without `usage:`. */
  readonly usage: readonly string[]
  /** Says in a sentence or two what the command does. */
  readonly does: string
  /** Every option takes a value. */
  readonly options: Readonly<Record<string, Option>>
}
type Option = { readonly meaning: string; readonly initial?: string; readonly variable?: string }
export type Arguments = {
  readonly options: Readonly<Record<string, string | undefined>>
  readonly words: readonly string[]
}

/** A call that is wrong. Its message is one line. */
export class UsageError extends Error {}

/** Reads `.env` of the folder that the command runs in, if there is one. Variables that are set already stay as they are. */
export function loadEnvFile(): void {
  if (!existsSync('.env')) return
  try {
    process.loadEnvFile('.env')
  } catch (error) {
    throw new UsageError(`.env can't be read (${(error as NodeJS.ErrnoException).code}); see its mode, or remove it`)
  }
}

/** The text that `--help` or `--version` asks for; undefined without either. */
export function answerOf(command: Command, argv: readonly string[]): string | undefined {
  if (argv.includes('--help') || argv.includes('-h')) return helpOf(command)
  return argv.includes('--version') ? `kabutar ${version()}\n` : undefined
}

function version(): string {
  const manifest = readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')
  return (JSON.parse(manifest) as { readonly version: string }).version
}

function helpOf({ usage, does, options }: Command): string {
  const lines = usage.map((line, n) => `${n === 0 ? 'usage:' : '      '} ${line}`)
  const listed = Object.entries(options).map(([name, { meaning, initial, variable }]) => {
    const spelled = `--${name}${variable === undefined ? '' : `, ${variable}`}`
    return `  ${spelled}\n      ${meaning}${initial === undefined ? '' : ` [${initial}]`}`
  })
  return [...lines, '', does, '', ...listed, '  --help, --version', ''].join('\n')
}

/** @throws {UsageError} for an option that is unknown or has no value */
export function argumentsOf({ options }: Command, argv: readonly string[]): Arguments {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: Object.fromEntries(Object.keys(options).map((name) => [name, { type: 'string' as const }])),
    })
    return { options: values as Arguments['options'], words: positionals }
  } catch (error) {
    const [first = ''] = (error as Error).message.split(/[.\n]/)
    throw new UsageError(`${first}; --help lists the options`)
  }
}

/** Runs a command. It exits with the number that `main` answers, or 0; for an error it prints one line and exits with 2. */
export async function runCommand(command: Command, main: (given: Arguments) => Promise<unknown>): Promise<void> {
  const argv = process.argv.slice(2)
  try {
    const text = answerOf(command, argv)
    if (text !== undefined) {
      process.stdout.write(text)
      return
    }
    const given = argumentsOf(command, argv)
    loadEnvFile()
    const code = await main(given)
    process.exitCode = typeof code === 'number' ? code : 0
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    process.exitCode = 2
  }
}

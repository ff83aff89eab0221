/** Installs what an interoperability suite needs, once, into `.cache` of this folder, which Git ignores. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { installDebian } from './debian.ts'

export const CACHE = join(import.meta.dirname, '.cache')
const INSTALL_MS = 9 * 60_000

/**
 * Makes sure that a command is there, by Debian's packages where it is not.
 * @throws {Error} naming the command that installs it
 */
function needCommand(name: string, packages: readonly string[]): void {
  if (!found(name)) installDebian(packages)
  if (!found(name)) throw new Error(`these tests need ${name}; as root: apt-get install ${packages.join(' ')}`)
}

const found = (name: string) => spawnSync(name, ['--version']).error === undefined

/** Runs an installing command. @throws {Error} with what it said */
function run(command: string, args: readonly string[], options: { cwd: string; env?: NodeJS.ProcessEnv }): void {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    encoding: 'utf8',
    timeout: INSTALL_MS,
  })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${error ?? ''}${stdout}${stderr}`)
}

/** A folder of the cache, made by `install` unless that was done before. `version` names what is in it. */
function cached(name: string, version: string, install: (folder: string) => void): string {
  const folder = join(CACHE, `${name}-${version}`)
  const done = join(folder, '.installed')
  if (existsSync(done)) return folder
  mkdirSync(folder, { recursive: true })
  install(folder)
  writeFileSync(done, '')
  return folder
}

/** The `bin` folder of a virtual environment of Python with one package of PyPI. */
export function installPython(name: string, version: string): string {
  const folder = cached(`python-${name}`, version, (target) => {
    needCommand('python3', ['python3', 'python3-venv'])
    const args = ['-m', 'venv', target]
    if (spawnSync('python3', args).status !== 0) installDebian(['python3-venv'])
    run('python3', args, { cwd: target })
    run(join(target, 'bin/pip'), ['install', '--quiet', `${name}==${version}`], { cwd: target })
  })
  return join(folder, 'bin')
}

/** The program of a Go module that lies in a folder of ours. */
export function buildGo(source: string): string {
  needCommand('go', ['golang-go'])
  const program = join(CACHE, 'go', 'program')
  mkdirSync(dirname(program), { recursive: true })
  run('go', ['build', '-o', program, '.'], { cwd: source, env: { GOFLAGS: '-mod=readonly' } })
  return program
}

/** The program of a Rust crate that lies in a folder of ours. */
export function buildRust(source: string): string {
  needCommand('cargo', ['cargo'])
  const target = join(CACHE, 'rust')
  run('cargo', ['build', '--quiet', '--locked'], { cwd: source, env: { CARGO_TARGET_DIR: target } })
  return join(target, 'debug', 'interop')
}

/** The folder that holds `node_modules` with packages of npm, such as `resend-cli@2.21.0`. No install script runs. */
export function installNpm(name: string, packages: readonly string[]): string {
  const version = packages.map((one) => one.slice(one.lastIndexOf('@') + 1)).join('-')
  return cached(name, version, (target) => {
    writeFileSync(join(target, 'package.json'), '{"private":true}')
    run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...packages], { cwd: target })
  })
}

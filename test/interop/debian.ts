import { type ExecFileSyncOptions, execFileSync, spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'

/** invoke-rc.d runs this before it starts a service; exit code 101 forbids it. A container image often has its own. */
const POLICY = '/usr/sbin/policy-rc.d'

/**
 * Installs the Debian packages that are missing, and does nothing if none is. Starts none of their services.
 * @throws {Error} naming the command to run, where this process isn't root or apt-get fails
 */
export function installDebian(packages: readonly string[]): void {
  const missing = packages.filter((name) => !isInstalled(name))
  if (missing.length === 0) return
  const install = ['install', '-y', '--no-install-recommends', ...missing]
  const command = `apt-get update && apt-get ${install.join(' ')}`
  if (process.getuid?.() !== 0) throw new Error(`these tests need Debian packages; run as root: ${command}`)
  try {
    withoutServices(() => {
      for (const args of [['update'], install]) execFileSync('apt-get', args, APT)
    })
  } catch (cause) {
    throw new Error(`these tests need Debian packages, and this failed: ${command}`, { cause })
  }
}

function withoutServices(install: () => void): void {
  const ours = !existsSync(POLICY)
  if (ours) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    install()
  } finally {
    if (ours) rmSync(POLICY, { force: true })
  }
}

/** Files that an installed package brought, by absolute path. */
export function filesOf(name: string): readonly string[] {
  return execFileSync('dpkg', ['-L', name], { encoding: 'utf8' }).trim().split('\n')
}

const APT: ExecFileSyncOptions = {
  stdio: ['ignore', 'ignore', 'inherit'],
  env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  timeout: 10 * 60 * 1000,
}

function isInstalled(name: string): boolean {
  const { stdout } = spawnSync('dpkg-query', ['--status', name], { encoding: 'utf8' })
  return stdout.includes('\nStatus: install ok installed\n')
}

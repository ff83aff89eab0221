import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installDebian } from './debian.ts'

/** The unpacked source archive of a Python package, in a new folder that the caller removes. */
export function sourcesOf(name: string, version: string): string {
  if (spawnSync('python3', ['-m', 'pip', '--version']).status !== 0) installDebian(['python3-pip'])
  const folder = mkdtempSync(join(tmpdir(), 'kabutar-pypi-'))
  const download = ['download', '--quiet', '--no-deps', '--no-binary', ':all:', '--dest', folder]
  execFileSync('python3', ['-m', 'pip', ...download, `${name}==${version}`], {
    stdio: 'ignore',
    timeout: 10 * 60 * 1000,
  })
  execFileSync('sh', ['-c', 'tar -xzf *.tar.gz'], { cwd: folder })
  return folder
}

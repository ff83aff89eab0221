/** The console in a browser, in front of a server of its own. */
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Resend } from 'resend'
import { type Server, type ServerOptions, startServer } from '../flows/support/server.ts'
import { type Browser, errorsOf, type Page, SHOTS, startBrowser } from './browser.ts'

export type ConsoleRig = AsyncDisposable & {
  readonly server: Server
  readonly resend: Resend
  readonly browser: Browser
  /** Opens the page in a context of its own, without cookies and storage of another. */
  open(hash?: string): Promise<Page>
  /** What any of the pages wrote to its console as a warning or an error. */
  errors(): readonly string[]
}

/** Builds the page from its sources, so that the tests see those. */
function buildConsole(): void {
  const node24 = join(import.meta.dirname, '../../packages/server/node24.js')
  const vite = join(import.meta.dirname, '../../node_modules/vite/bin/vite.js')
  const folder = join(import.meta.dirname, '../../packages/console')
  execFileSync(process.execPath, ['--import', node24, vite, 'build', '--logLevel', 'warn'], { cwd: folder })
}

export async function startConsole(options: ServerOptions = {}, switches: readonly string[] = []): Promise<ConsoleRig> {
  buildConsole()
  mkdirSync(SHOTS, { recursive: true })
  const server = await startServer(options)
  const browser = await startBrowser(switches)
  const heard: (readonly string[])[] = []
  return {
    server,
    browser,
    resend: new Resend(server.apiKey, { baseUrl: server.url }),
    open: async (hash = '') => {
      // `null` leaves `prefers-color-scheme` to the page and its frames.
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: null })
      const page = await context.newPage()
      page.setDefaultTimeout(10_000)
      heard.push(errorsOf(page))
      await page.goto(`${server.url}/${hash}`)
      return page
    },
    errors: () => heard.flat(),
    async [Symbol.asyncDispose]() {
      await browser.close()
      await server.close()
    },
  }
}

/** The row of the list whose subject contains `subject`. */
export const rowOf = (page: Page, subject: string) => page.getByRole('option').filter({ hasText: subject }).first()

export const THEMES = ['light', 'dark'] as const

/** Chooses a theme as the menu does, for the pages that are opened afterwards and this one. */
export async function chooseTheme(page: Page, theme: (typeof THEMES)[number]): Promise<void> {
  await page.evaluate(`document.documentElement.dataset.theme = '${theme}'; localStorage.setItem('theme', '${theme}')`)
}

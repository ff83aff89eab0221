/** Chromium of Debian, driven by playwright-core, which is installed for these tests alone: hence its types, as far as they are used. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { installDebian } from './debian.ts'
import { CACHE, installNpm } from './toolchain.ts'

type Role = { readonly name?: string | RegExp; readonly exact?: boolean }
type Wait = { readonly timeout?: number; readonly state?: 'visible' | 'hidden' | 'attached' }
type Click = { readonly modifiers?: readonly ('Shift' | 'Control')[] }

export type Locator = {
  click(options?: Wait & Click): Promise<void>
  fill(text: string): Promise<void>
  press(key: string): Promise<void>
  selectOption(value: string): Promise<unknown>
  hover(): Promise<void>
  waitFor(options?: Wait): Promise<void>
  count(): Promise<number>
  textContent(): Promise<string | null>
  allTextContents(): Promise<string[]>
  getAttribute(name: string): Promise<string | null>
  first(): Locator
  locator(selector: string): Locator
  filter(options: { readonly hasText: string | RegExp }): Locator
  getByRole(role: string, options?: Role): Locator
  getByText(text: string | RegExp): Locator
}
type ConsoleMessage = { type(): string; text(): string }
type Download = { suggestedFilename(): string; path(): Promise<string> }
type Events = {
  readonly console: (message: ConsoleMessage) => void
  readonly pageerror: (error: Error) => void
  readonly dialog: (dialog: { dismiss(): Promise<void>; message(): string }) => void
  readonly popup: (page: Page) => void
}
export type Page = Pick<Locator, 'locator' | 'getByRole' | 'getByText'> & {
  goto(url: string): Promise<{ status(): number } | null>
  reload(): Promise<unknown>
  title(): Promise<string>
  url(): string
  content(): Promise<string>
  close(): Promise<void>
  getByLabel(text: string): Locator
  waitForEvent(event: 'download'): Promise<Download>
  evaluate<T>(script: string): Promise<T>
  route(url: string, handle: (route: Route) => Promise<void>): Promise<void>
  setDefaultTimeout(ms: number): void
  waitForTimeout(ms: number): Promise<void>
  setViewportSize(size: { readonly width: number; readonly height: number }): Promise<void>
  screenshot(options: { readonly path: string }): Promise<unknown>
  frameLocator(selector: string): Pick<Locator, 'locator' | 'getByText'>
  on<E extends keyof Events>(event: E, heard: Events[E]): void
  readonly keyboard: { press(key: string): Promise<void>; type(text: string): Promise<void> }
}
type Route = { continue(): Promise<void> }
type Context = {
  newPage(): Promise<Page>
  close(): Promise<void>
}
export type Browser = {
  newContext(options?: object): Promise<Context>
  close(): Promise<void>
}

const PACKAGES = ['playwright-core@1.65.1', 'axe-core@4.14.1']
/** Where tests leave what people look at. */
export const SHOTS = join(CACHE, 'screenshots')

/** `args` are switches of Chromium. */
export async function startBrowser(args: readonly string[] = []): Promise<Browser> {
  installDebian(['chromium'])
  const playwright = required('playwright-core') as {
    readonly chromium: { launch(options: object): Promise<Browser> }
  }
  // Root may not use the sandbox of Chromium, and these tests open pages of their own alone.
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return playwright.chromium.launch({ executablePath: '/usr/bin/chromium', args: [...sandbox, ...args] })
}

function required(name: string): unknown {
  const folder = installNpm('browser', PACKAGES)
  return createRequire(join(folder, 'package.json'))(name)
}

type Violation = { readonly id: string; readonly impact: string; readonly nodes: readonly { readonly html: string }[] }

/** The serious and critical findings of axe-core on what a page shows now. */
export async function seriousFindings(page: Page): Promise<readonly string[]> {
  const { source } = required('axe-core') as { readonly source: string }
  await page.evaluate(source)
  const violations = await page.evaluate<readonly Violation[]>(
    `axe.run(document, { resultTypes: ['violations'], iframes: false }).then(({ violations }) => violations)`,
  )
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`)
}

/** What the page's console says that nobody should have to read, as it comes. */
export function errorsOf(page: Page): readonly string[] {
  const errors: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text())
  })
  page.on('pageerror', (error) => errors.push(String(error)))
  return errors
}

/** Keeps what the reader chose in this browser: theme, language, whether one-key shortcuts are on. */
import { type Signal, signal } from '@preact/signals'

export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

export type Preferences = {
  readonly theme: Signal<Theme>
  readonly shortcuts: Signal<boolean>
  /** True if the browser tells of new messages while the page is not seen. */
  readonly notify: Signal<boolean>
  /** Undefined until the reader chooses one; then the browser's. */
  readonly language: Signal<string | undefined>
}

/** Reads the choices, shows the theme, and writes each later choice. */
export function createPreferences(storage: Storage, root: HTMLElement): Preferences {
  const theme = signal<Theme>(THEMES.find((one) => one === storage.getItem('theme')) ?? 'system')
  const shortcuts = signal(storage.getItem('shortcuts') !== 'off')
  const notify = signal(storage.getItem('notify') === 'on')
  const language = signal(storage.getItem('language') ?? undefined)
  theme.subscribe((chosen) => {
    root.dataset.theme = chosen
    storage.setItem('theme', chosen)
  })
  shortcuts.subscribe((on) => storage.setItem('shortcuts', on ? 'on' : 'off'))
  notify.subscribe((on) => storage.setItem('notify', on ? 'on' : 'off'))
  language.subscribe((code) => code !== undefined && storage.setItem('language', code))
  return { theme, shortcuts, notify, language }
}

/** Binds the one-key shortcuts that work on every page, and lists all of them under `?`. */
import type { Key } from '../i18n/catalogue.ts'
import { Dialog } from '../ui/dialog.tsx'
import { type Console, useConsole } from './console.ts'
import { PAGES } from './pages.ts'
import { useShortcuts } from './use-shortcuts.ts'

/** The shortcuts of the messages, in the order of the list under `?`. */
const LISTED: readonly (readonly [keys: string, text: Key])[] = [
  ['j ↓', 'shortcut.next'],
  ['k ↑', 'shortcut.previous'],
  ['Enter o', 'shortcut.open'],
  ['u Esc', 'shortcut.back'],
  ['/', 'shortcut.search'],
  ['x', 'shortcut.select'],
  ['Shift+click Shift+↓', 'shortcut.select-range'],
  ['#', 'shortcut.delete'],
  ['Shift+R', 'shortcut.read-all'],
  ['p', 'shortcut.pause'],
  ['?', 'shortcut.help'],
]

export function Shortcuts() {
  const { router } = useConsole()
  const pages = PAGES.map(({ letter, name }) => [`g ${letter}`, () => router.go([name])])
  const help = () => router.set({ help: 'keys' })
  useShortcuts({ ...Object.fromEntries(pages), '?': help, 'Shift+?': help })
  if (router.current.value.query.help !== 'keys') return null
  return <Listed />
}

function Listed() {
  const { router, t } = useConsole()
  return (
    <Dialog title={t('shell.help')} onClose={() => router.set({ help: undefined })}>
      <dl class="keys">
        {[...LISTED.map(([keys, text]) => [keys, t(text)] as const), ...pageKeys(t)].map(([keys, text]) => (
          <div key={keys}>
            <dt>
              {keys.split(' ').map((one) => (
                <kbd key={one}>{one}</kbd>
              ))}
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}

const pageKeys = (t: Console['t']) =>
  PAGES.map(({ letter, title }) => [`g ${letter}`, t('shortcut.go', { page: t(title) })] as const)

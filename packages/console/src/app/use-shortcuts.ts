import { useEffect } from 'preact/hooks'
import { tinykeys } from 'tinykeys'
import { useConsole } from './console.ts'

type Bindings = { readonly [keys: string]: (event: KeyboardEvent) => void }

/** Binds keys while the component is shown, unless the reader turned them off. They do nothing while somebody types. */
export function useShortcuts(bindings: Bindings): void {
  const { preferences } = useConsole()
  const on = preferences.shortcuts.value
  useEffect(() => {
    if (!on) return
    const quiet = Object.entries(bindings).map(([keys, act]) => [keys, whenNotTyping(act)])
    return tinykeys(window, Object.fromEntries(quiet))
  })
}

function whenNotTyping(act: (event: KeyboardEvent) => void) {
  return (event: KeyboardEvent) => {
    const target = event.target as HTMLElement
    const typing = target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
    const elsewhere = target.closest('dialog, [role="menu"]')
    if (typing || elsewhere || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    act(event)
  }
}

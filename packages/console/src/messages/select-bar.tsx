import { useEffect } from 'preact/hooks'
import { useConsole, useSignedIn } from '../app/console.ts'
import { useShortcuts } from '../app/use-shortcuts.ts'
import { Icon } from '../ui/icon.tsx'

type Props = { readonly remove: () => void }

/** Says how many messages are selected, and what one can do with them. Shows nothing while none is. */
export function SelectBar({ remove }: Props) {
  const { t, notices } = useConsole()
  const { selection } = useSignedIn().messages
  const count = selection.messages.value.length
  useEffect(() => {
    if (count > 0) notices.say(t('select.count', { count }))
  }, [count, notices, t])
  const removeAny = () => count > 0 && remove()
  useShortcuts({ '#': removeAny, 'Shift+#': removeAny })
  if (count === 0) return null
  const clear = () => {
    selection.clear()
    document.querySelector<HTMLElement>('.rows')?.focus()
  }
  return (
    <div class="select-bar">
      <strong>{t('select.count', { count })}</strong>
      <button type="button" class="button small" onClick={remove}>
        <Icon name="trash" />
        {t('delete.submit')}
      </button>
      <button
        type="button"
        class="button quiet small"
        aria-label={t('select.clear')}
        title={t('select.clear')}
        onClick={clear}
      >
        <Icon name="close" />
      </button>
    </div>
  )
}

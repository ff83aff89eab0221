import { useState } from 'preact/hooks'
import { useConsole } from '../app/console.ts'
import { Icon } from './icon.tsx'

type Props = {
  readonly text: string
  /** Names what is copied, if no text stands on the button. */
  readonly label?: string
  readonly children?: string
}

/** Copies a text and says so. */
export function CopyButton({ text, label, children }: Props) {
  const { t, notices } = useConsole()
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      setCopied(true)
      notices.say(t('shell.copied'))
    } catch {
      notices.failed(t('shell.copy-failed'))
    }
  }
  const name = label ?? (children ? undefined : t('shell.copy'))
  return (
    <button type="button" class="button quiet small" aria-label={name} title={name} onClick={() => void copy()}>
      <Icon name={copied ? 'check' : 'copy'} />
      {children}
    </button>
  )
}

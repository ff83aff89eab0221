import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { useConsole } from '../app/console.ts'
import { Dialog } from './dialog.tsx'

type Props = {
  readonly title: string
  readonly submit: string
  /** True if it takes away something that does not come back. */
  readonly danger?: boolean
  /** Does what the dialog asks for. The dialog stays open and shows the error if it throws. */
  readonly act: (form: FormData) => Promise<void>
  readonly onClose: () => void
  readonly children: ComponentChildren
}

/** Asks for the fields among its children, or only for consent. */
export function FormDialog({ title, submit, danger = false, act, onClose, children }: Props) {
  const { t } = useConsole()
  const [busy, setBusy] = useState(false)
  const [refusal, setRefusal] = useState<string>()
  const run = async (event: SubmitEvent) => {
    event.preventDefault()
    setBusy(true)
    setRefusal(undefined)
    try {
      await act(new FormData(event.currentTarget as HTMLFormElement))
    } catch (error) {
      setRefusal(error instanceof Error ? error.message : String(error))
      setBusy(false)
    }
  }
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="dialog-form" onSubmit={(event) => void run(event)}>
        {children}
        {refusal !== undefined && (
          <p class="error" role="alert">
            {refusal}
          </p>
        )}
        <div class="dialog-foot">
          <button type="button" class="button" onClick={(event) => event.currentTarget.closest('dialog')?.close()}>
            {t('shell.cancel')}
          </button>
          <button type="submit" class={danger ? 'button danger' : 'button primary'} disabled={busy}>
            {submit}
          </button>
        </div>
      </form>
    </Dialog>
  )
}

/** Reads the text of a field, without spaces around it. */
export const textOf = (form: FormData, name: string): string => String(form.get(name) ?? '').trim()

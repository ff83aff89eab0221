import { useState } from 'preact/hooks'
import type { Webhook } from '../api/resources.ts'
import { useConsole } from '../app/console.ts'
import { FormDialog, textOf } from '../ui/form-dialog.tsx'
import { EVENT_TYPES } from './event-types.ts'

type Wanted = { readonly endpoint: string; readonly events: readonly string[] }
type Props = {
  readonly title: string
  /** The webhook to change; a new one is made without it. */
  readonly of?: Webhook
  readonly act: (wanted: Wanted) => Promise<void>
  readonly onClose: () => void
}

export function WebhookForm({ title, of, act, onClose }: Props) {
  const { t } = useConsole()
  const types = [...new Set([...EVENT_TYPES, ...(of?.events ?? [])])]
  const [chosen, setChosen] = useState<readonly string[]>(
    of?.events ?? types.filter((type) => type.startsWith('email.')),
  )
  const choose = (type: string, on: boolean) =>
    setChosen((before) => types.filter((one) => (one === type ? on : before.includes(one))))
  return (
    <FormDialog
      title={title}
      submit={of ? t('webhooks.save') : title}
      act={(form) => act({ endpoint: textOf(form, 'endpoint'), events: chosen })}
      onClose={onClose}
    >
      <label class="field">
        <span>{t('webhooks.endpoint')}</span>
        <input
          name="endpoint"
          type="url"
          required
          maxLength={2048}
          autocomplete="off"
          spellcheck={false}
          placeholder="https://example.com/hooks/mail"
          defaultValue={of?.endpoint}
        />
      </label>
      <fieldset class="choices two">
        <legend>{t('webhooks.events')}</legend>
        {types.map((type) => (
          <label key={type} class="choice">
            <input
              type="checkbox"
              checked={chosen.includes(type)}
              onChange={(event) => choose(type, event.currentTarget.checked)}
            />
            <code>{type}</code>
          </label>
        ))}
      </fieldset>
      <div>
        <button
          type="button"
          class="button small"
          onClick={() => setChosen(chosen.length === types.length ? [] : types)}
        >
          {t(chosen.length === types.length ? 'webhooks.no-types' : 'webhooks.all-types')}
        </button>
      </div>
    </FormDialog>
  )
}

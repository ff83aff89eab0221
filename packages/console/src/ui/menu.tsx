import * as menu from '@zag-js/menu'
import { normalizeProps, useMachine } from '@zag-js/preact'
import type { ComponentChildren } from 'preact'
import { createPortal } from 'preact/compat'
import { useId } from 'preact/hooks'

type Choice = {
  readonly value: string
  readonly label: string
  /** Set for one of several choices, and for what is on or off. */
  readonly checked?: boolean
  readonly danger?: boolean
}
export type Group = {
  readonly label?: string
  /** @default plain items */
  readonly type?: 'radio' | 'checkbox'
  readonly choices: readonly Choice[]
  readonly choose: (value: string) => void
}
type Props = { readonly label: string; readonly trigger: ComponentChildren; readonly groups: readonly Group[] }

/** Shows a button that opens a menu of actions and choices. */
export function Menu({ label, trigger, groups }: Props) {
  const choose = (value: string) =>
    groups.find(({ choices }) => choices.some((one) => one.value === value))?.choose(value)
  const service = useMachine(menu.machine, {
    id: useId(),
    'aria-label': label,
    positioning: { placement: 'bottom-end' },
    onSelect: ({ value }) => choose(value),
  })
  const api = menu.connect(service, normalizeProps)
  return (
    <>
      <button type="button" {...api.getTriggerProps()} class="button quiet" aria-label={label} title={label}>
        {trigger}
      </button>
      {api.open &&
        createPortal(
          <div {...api.getPositionerProps()}>
            <div {...api.getContentProps()} class="menu">
              {groups.map((group) => (
                <MenuGroup key={group.choices[0]?.value} group={group} api={api} />
              ))}
            </div>
          </div>,
          document.body,
        )}
    </>
  )
}

function MenuGroup({ group, api }: { readonly group: Group; readonly api: menu.Api }) {
  const id = useId()
  return (
    <div {...api.getItemGroupProps({ id })} class="menu-group">
      {group.label && (
        <div {...api.getItemGroupLabelProps({ htmlFor: id })} class="menu-label">
          {group.label}
        </div>
      )}
      {group.choices.map(({ value, label, checked, danger }) => {
        const props =
          group.type === undefined
            ? api.getItemProps({ value })
            : api.getOptionItemProps({ value, type: group.type, checked: checked ?? false })
        return (
          <div key={value} {...props} class={danger ? 'menu-item danger' : 'menu-item'}>
            {label}
          </div>
        )
      })}
    </div>
  )
}

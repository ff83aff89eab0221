/** Ports of a process that dies at one step: that call is made or not, and none after it. */

export class Crash extends Error {}

/** The `at`th call of any port is fatal, before it is made or, with `after`, right after it took effect. */
export type Death = { readonly at: number; readonly after: boolean; steps: number; dead: boolean; name: string }

export const deathAt = (at: number, after: boolean): Death => ({ at, after, steps: 0, dead: false, name: '' })

/** Every call of the port is a step. `name` says at which one the process died. */
export function mortal<T extends object>(port: T, death: Death, label: string): T {
  return new Proxy(port, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return async (...args: unknown[]) => {
        if (death.dead) throw new Crash()
        const isFatal = ++death.steps === death.at
        if (isFatal) Object.assign(death, { dead: true, name: `${label}.${String(name)}` })
        if (isFatal && !death.after) throw new Crash()
        const answer: unknown = await Reflect.apply(value, target, args)
        if (death.dead) throw new Crash()
        return answer
      }
    },
  })
}

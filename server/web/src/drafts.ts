/** Fields in which somebody is writing what the document does not have yet, by name. */
export class Drafts {
  readonly #names = new Set<string>()

  constructor(private readonly changed: () => void) {}

  get count(): number {
    return this.#names.size
  }

  begin(name: string): void {
    if (this.#names.has(name)) return
    this.#names.add(name)
    this.changed()
  }

  end(name: string): void {
    if (this.#names.delete(name)) this.changed()
  }
}

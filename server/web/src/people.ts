/** The two people of the page. Who stands first has a group, and may share it with the other. */

import { prepare, type Keeping } from "./boot.js"
import { Person } from "./person.js"

export interface People {
  first: Person
  second: Person
}

export async function openPeople(keeping: Keeping): Promise<People> {
  await prepare(keeping)
  const first = new Person("first", keeping)
  const second = new Person("second", keeping)
  // The page hands the group's id over, as a link would.
  const handOver = () => first.ownGroup && second.openGroup(first.ownGroup)
  first.addEventListener("update", handOver)
  await first.resume()
  await second.resume()
  return { first, second }
}

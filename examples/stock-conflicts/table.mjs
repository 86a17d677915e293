// Columns as wide as what stands in them.

export function table(heading, rows) {
  const all = [heading, heading.map(word => "-".repeat(word.length)), ...rows]
  const widths = heading.map((_, column) => Math.max(...all.map(row => row[column].length)))
  return all.map(row => row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd()).join("\n")
}

-- Applied by the migration in each deployment, as a whole or not at all, so each statement has to allow being run again. What comes
-- later goes to the end: ALTER TABLE … ADD COLUMN IF NOT EXISTS …

CREATE TABLE IF NOT EXISTS orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  fulfilled_at timestamptz
);

CREATE TABLE IF NOT EXISTS order_lines (
  order_id bigint NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
  product text NOT NULL,
  quantity integer NOT NULL CHECK (quantity > 0),
  PRIMARY KEY (order_id, product)
);

CREATE INDEX IF NOT EXISTS orders_waiting ON orders (created_at) WHERE fulfilled_at IS NULL;

CREATE TABLE IF NOT EXISTS reports (
  day date PRIMARY KEY,
  ordered integer NOT NULL,
  fulfilled integer NOT NULL,
  waiting integer NOT NULL,
  products integer NOT NULL
);

-- Few, among many that were answered.
CREATE INDEX letters_dead ON letters (sent_at, id) WHERE status = 'dead';

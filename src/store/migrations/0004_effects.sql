-- The firing that a run carries out, and the run that it goes on from.
ALTER TABLE runs ADD COLUMN firing BLOB;
ALTER TABLE runs ADD COLUMN resumes BLOB;

-- The agents that wait for what comes of a letter, as JSON.
ALTER TABLE letters ADD COLUMN askers TEXT;

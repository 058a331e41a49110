-- The firing that a run carries out, and the run that it goes on from.
ALTER TABLE runs ADD COLUMN firing BLOB;
ALTER TABLE runs ADD COLUMN resumes BLOB;

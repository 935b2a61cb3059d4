ALTER TABLE calls SET (fillfactor = 80);
